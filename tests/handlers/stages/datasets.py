"""Making and reading datasets of the small world, for the tests of the stages."""

from __future__ import annotations

from typing import Any

from handlers import transform
from handlers.data.encode import Encoder
from handlers.data.manifest import Dataset
from handlers.data.read import Batch, batches
from handlers.modelspec.parse import load
from handlers.storage import FolderStore
from tests.handlers.stages.world import World


class Counting(FolderStore):
    """A folder that remembers what was asked of it."""

    def __init__(self, folder: Any) -> None:
        super().__init__(folder)
        self.put_keys: list[str] = []
        self.got: list[str] = []

    def put(self, key: str, data: bytes, **conditions: Any) -> str:
        self.put_keys.append(key)
        return super().put(key, data, **conditions)

    def get(self, key: str) -> bytes:
        self.got.append(key)
        return super().get(key)


def made(world: World, run: str = "r") -> tuple[Dataset, dict[str, Any], Counting]:
    store = Counting(world.folder)
    _, snapshot = world.snapshot(run)
    spec = load(world.read_spec())
    return *transform.transform(store, world.model, spec, snapshot, store.server_time())[:2], store


def rows(world: World, dataset: Dataset, role: str = "train", **how: Any) -> list[Batch]:
    spec = load(world.read_spec())
    return list(batches(world.store, dataset, spec, Encoder(dataset, spec), role, **how))


def dense(batch: Batch) -> Any:
    return batch.X.toarray() if hasattr(batch.X, "toarray") else batch.X
