"""Transform killed at any write and started again, and two at once: nothing wrong under any name, and the dataset of a quiet run."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from handlers import transform
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.parse import load
from handlers.storage import FolderStore, read_json
from tests.handlers.stages.dying import Dying, Killed
from tests.handlers.stages.test_shares import content, put, small
from tests.handlers.stages.world import World, month

__all__ = ["small"]
WRITES = 22  # 19 days of two objects, their markers, the dataset
FIRST, SECOND = month("2013-01-01", 16), month("2013-01-17", 3, seed=1)


def there(world: World) -> dict[str, bytes]:
    return {key: world.store.get(key) for prefix in ("parts/", "datasets/") for key in world.keys(prefix)}


def empty(world: World) -> None:
    for key in there(world):
        world.store.delete(key)


def prepared(world: World) -> tuple[str, str]:
    """A snapshot of two objects, and the text of the spec."""
    world.put("1.csv", FIRST)
    world.put("2.csv", SECOND)
    return world.snapshot("a")[1], world.read_spec()


def killed_at_each_write(world: World, spec: ModelSpec, snapshot: str, quiet: Any, whole: dict[str, bytes], after: bool) -> None:
    """Killed before each write, or after it, nothing is wrong, and the next attempt makes the same `whole` as the quiet one."""
    dying = Dying(world.folder)
    for write in range(1, len(whole) + 1):
        empty(world)
        dying.left, dying.after = write, after
        with pytest.raises(Killed):
            transform.of_run(dying, spec, "a", snapshot)
        left = there(world)
        assert len(left) == (write if after else write - 1)
        assert left.items() <= whole.items()
        assert transform.of_run(world.store, spec, "a", snapshot)[0] == quiet
        assert there(world) == whole


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_any_write_and_started_again(world: World, after: bool) -> None:
    snapshot, text = prepared(world)
    spec = load(text)
    quiet = transform.of_run(world.store, spec, "a", snapshot)[0]
    whole = there(world)
    assert len(whole) == WRITES
    killed_at_each_write(world, spec, snapshot, quiet, whole, after)


@pytest.mark.parametrize(("write", "renewed"), [(1, True), (17, True), (18, True), (WRITES, False)])
def test_killed_while_objects_change(world: World, write: int, renewed: bool) -> None:
    """What was read whole before is learned as the first snapshot names it; what was not is there no more, and a new snapshot is."""
    snapshot, text = prepared(world)
    spec, dying = load(text), Dying(world.folder)
    old = transform.of_run(world.store, spec, "quiet", snapshot)[0]
    empty(world)
    dying.left = write
    with pytest.raises(Killed):
        transform.of_run(dying, spec, "a", snapshot)
    world.put("1.csv", month("2013-01-01", 16, seed=5))
    world.put("2.csv", month("2013-01-17", 3, seed=6))
    found = transform.of_run(world.store, spec, "a", snapshot)[0]
    new = transform.of_run(world.store, spec, "quiet", world.snapshot("b")[1])[0]
    assert old != new
    assert (found, "before" in world.request("a")) == ((new, True) if renewed else (old, False))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("empty_one", [False, True], ids=["shared", "some apart"])
def test_killed_at_any_write_of_shared_parts(small: World, after: bool, empty_one: bool) -> None:
    """Also where all objects of a share have no rows, so that each has parts of its own."""
    put(small, range(18))
    for number in range(18, 27) if empty_one else ():
        small.put(f"{number:03d}.csv", content(number).splitlines(keepends=True)[0] + b"\n" * number)
    snapshot, spec = small.snapshot("a")[1], load(small.read_spec())
    quiet = transform.of_run(small.store, spec, "a", snapshot)[0]
    whole = there(small)
    shared = [key for key in whole if key.endswith("parts.json") and "rows_of" in read_json(small.store, key)]
    apart = [key for key in whole if key.endswith("parts.json") and "apart" in read_json(small.store, key)]
    assert (len(shared) >= 2, bool(apart)) == (True, empty_one)
    killed_at_each_write(small, spec, snapshot, quiet, whole, after)


def test_two_at_once_agree_on_shared_parts(small: World) -> None:
    put(small, range(20))
    snapshot, spec = small.snapshot("a")[1], load(small.read_spec())
    quiet = transform.of_run(small.store, spec, "a", snapshot)[0]
    whole = there(small)
    for _ in range(3):
        empty(small)
        with ThreadPoolExecutor(2) as both:
            found = list(both.map(lambda _: transform.of_run(FolderStore(small.folder), spec, "a", snapshot)[0], range(2)))
        assert found == [quiet, quiet]
        assert there(small) == whole


DIES = """
import os, sys
from pathlib import Path
from handlers import transform
count = int(sys.argv.pop(1))
replace = Path.replace
def dying(self, target):
    global count
    count -= 1
    if count == 0:
        os._exit(9)
    return replace(self, target)
Path.replace = dying
transform.run(sys.argv[1:])
"""


def test_a_process_killed_between_writing_and_naming_leaves_no_object(world: World) -> None:
    snapshot, text = prepared(world)
    quiet = world.dataset(snapshot, "a")
    whole = there(world)
    given = ["--model", "late", "--spec", text, "--snapshot", snapshot, "--run", "none", "--dataset-out", str(world.out / "again")]
    empty(world)
    root = Path(__file__).parents[3]
    words = [sys.executable, "-c", DIES, "3", *given]
    ended = subprocess.run(words, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True, check=False)
    assert ended.returncode == 9, ended.stderr
    assert len(there(world)) == 2
    assert there(world).items() <= whole.items()
    transform.run(given)
    assert (world.output("again"), there(world) == whole) == (quiet, True)


def test_two_at_once_agree(world: World) -> None:
    snapshot, text = prepared(world)
    spec = load(text)
    quiet = transform.of_run(world.store, spec, "a", snapshot)[0]
    whole = there(world)
    for _ in range(3):
        empty(world)
        with ThreadPoolExecutor(2) as both:
            found = list(both.map(lambda _: transform.of_run(FolderStore(world.folder), spec, "a", snapshot)[0], range(2)))
        assert found == [quiet, quiet]
        assert there(world) == whole
