import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from localargo.api.stream import Changes
from localargo.errors import NotFound


class Shelf:
    """Documents by name, as a watcher reads them."""

    def __init__(self) -> None:
        self.docs: dict[str, dict[str, Any]] = {}

    def put(self, name: str, phase: str) -> dict[str, Any]:
        self.docs[name] = {"metadata": {"name": name}, "status": {"phase": phase}}
        return self.docs[name]

    def get(self, name: str) -> dict[str, Any]:
        if name not in self.docs:
            raise NotFound(name)
        return self.docs[name]


def told(line: bytes) -> tuple[str, str, str]:
    event = json.loads(line.removeprefix(b"data: "))["result"]
    return event["type"], event["object"]["metadata"]["name"], event["object"].get("status", {}).get("phase", "")


@pytest.mark.anyio
async def test_a_watcher_sees_what_is_there_what_changes_and_what_goes() -> None:
    changes, shelf = Changes(), Shelf()
    stream = changes.events(shelf.get, lambda: [shelf.put("a", "Running")], lambda doc: doc["metadata"]["name"] != "hidden")
    assert told(await anext(stream)) == ("ADDED", "a", "Running")
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    for phase in ("Running", "Failed", "Succeeded"):
        shelf.put("a", phase)
        changes.tell("a")
    shelf.put("hidden", "Running")
    changes.tell("hidden")
    shelf.put("b", "Pending")
    changes.tell("b")
    assert told(await waiting) == ("MODIFIED", "a", "Succeeded")
    assert told(await anext(stream)) == ("ADDED", "b", "Pending")
    del shelf.docs["a"]
    changes.tell("a")
    changes.tell("never-seen")
    assert told(await anext(stream)) == ("DELETED", "a", "")
    changes.close()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


@pytest.mark.anyio
async def test_a_watcher_of_one_reads_no_other() -> None:
    changes, shelf = Changes(), Shelf()
    shelf.put("other", "Running")
    stream = changes.events(shelf.get, list, lambda doc: True, "one")
    assert isinstance(stream, AsyncGenerator)
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    changes.tell("other")
    shelf.put("one", "Running")
    changes.tell("one")
    assert told(await waiting) == ("ADDED", "one", "Running")
    await stream.aclose()


@pytest.mark.anyio
async def test_who_watches_late_is_let_go_at_once_after_the_end() -> None:
    changes = Changes()
    changes.close()
    with pytest.raises(StopAsyncIteration):
        await anext(changes.events(Shelf().get, list, lambda doc: True))


@pytest.mark.anyio
async def test_what_changes_while_the_present_is_read_is_told() -> None:
    changes, shelf = Changes(), Shelf()

    def present() -> list[dict[str, Any]]:
        before = shelf.put("a", "Running")
        shelf.put("a", "Succeeded")
        changes.tell("a")
        return [before]

    stream = changes.events(shelf.get, present, lambda doc: True, "a")
    assert [told(await anext(stream)) for _ in range(2)] == [("ADDED", "a", "Running"), ("MODIFIED", "a", "Succeeded")]
