"""From source objects to a dataset: the parts of each object, every row key once, and a role for every part."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from handlers.data import manifest, parts
from handlers.data.keys import with_each_key_once
from handlers.data.manifest import Dataset
from handlers.data.parts import Made
from handlers.modelspec.code_digests import code_digest
from handlers.modelspec.model import ModelSpec
from handlers.storage import Store


def make(store: Store, model: str, spec: ModelSpec, sources: Iterable[list[Any]]) -> tuple[list[Made], Dataset]:
    """The parts of every source object ([key, size, content]), made where they are not there, and the dataset of them all."""
    made = [parts.ensure(store, model, spec, source, code_digest("parts")) for source in sources]
    documents = with_each_key_once(store, model, spec, [one.document for one in made])
    return made, manifest.build(store, documents, spec, store.server_time(), code_digest("datasets"))
