"""A bucket that real steps have filled, with names in it that try to be more than names, and a server of pages about it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from handlers.storage import write_json
from retrain.page import serve
from retrain.page.app import build
from retrain.page.site import Site
from tests.handlers.stages.world import World, changed, month
from tests.waiting import wait_until

HOSTILE = "<script>alert(1)</script>"
RUNS = ("retrain-late-1", "retrain-late-2", "retrain-late-3")


def fill(folder: Path) -> World:
    """Two runs that trained, of which the first was promoted, one that found its data trained already, one under way, and a hostile one."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RETRAIN_BUCKET", f"file://{folder}/bucket")
        patched.setenv("RETRAIN_CODE_DIGEST", "c0de")
        world = World(folder / "bucket", folder / "out")
        world.spec = changed(world.spec, training__epochs=2, evaluate__slices={"carrier": {"min_rows": 20}})
        world.put("1.csv", month("2013-01-01", 26, rows=20))
        world.run(RUNS[0])
        world.put("2.csv", month("2013-01-27", 8, rows=20, seed=1))
        world.run(RUNS[1])
        world.run(RUNS[2])
    world.store.put(f"runs/late/{RUNS[0]}/report.html", b"<!doctype html><title>r</title>")
    event: dict[str, Any] = {"model": "late", "key": f"incoming/late/{HOSTILE}.csv", "reason": "upload", "source": "bucket"}
    context = {"id": "e" * 32, "source": "bucket", "subject": HOSTILE, "type": "minio", "time": "2013-01-01T00:00:00Z"}
    spec = world.request(RUNS[1])["spec"]
    request = {"run": "retrain-late-4", "model": "late", "decision": "train", "at": 1e9, "event": event, "context": context, "spec": spec}
    write_json(world.store, "runs/late/retrain-late-4/request.json", request)
    trial = next(info.key.split("/")[2] for info in world.store.list("trials/late/"))
    begun = {
        "model": "late",
        "trial": "0123456789abcdef",
        "run": "retrain-late-4",
        "params": {"alpha": 0.5},
        "dataset": "none",
        "spec": spec,
    }
    write_json(world.store, "trials/late/0123456789abcdef/request.json", begun)
    world.store.put("trials/late/0123456789abcdef/curve.jsonl", world.store.get(f"trials/late/{trial}/curve.jsonl"))
    result = {"outcome": "failed", "reason": HOSTILE, "at": 2e9, "run": HOSTILE[1:9], "model": HOSTILE[:8]}
    write_json(world.store, f"runs/{HOSTILE[:8]}/{HOSTILE[1:9]}/request.json", {**request, "run": HOSTILE[1:9], "model": HOSTILE[:8]})
    write_json(world.store, f"runs/{HOSTILE[:8]}/{HOSTILE[1:9]}/result.json", result)
    return world


TOKEN = "the token of these tests"


def site(world: World, place: Path | None = None) -> Site:
    """A site on the bucket, and on an engine where there is one: there the token lets somebody act."""
    token = TOKEN if place is not None else ""
    return serve.site(place, {"RETRAIN_BUCKET": f"file://{world.folder}"}, "tests", token, act=True)


@contextmanager
def served(shown: Site, *, token_for_all: bool = False) -> Iterator[str]:
    """The address of a server, as long as the block lasts."""
    bound = serve.bind("127.0.0.1", 0)
    config = uvicorn.Config(build(shown, list(serve.LOOPBACK), token_for_all), log_level="warning", ws="none", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([bound],))
    thread.start()
    wait_until(lambda: server.started)
    yield serve.address(bound).rstrip("/")
    server.should_exit = True
    thread.join()
