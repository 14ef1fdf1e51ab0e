"""Parts made in several processes: the bytes, the names and the errors of one process, and nothing wrong when they are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from handlers import transform, workers
from handlers.contracts import BadData, log, logged_by
from handlers.data import making
from handlers.data.manifest import Dataset
from handlers.modelspec.parse import load
from handlers.workers import Allowed
from tests.handlers.stages.test_interrupted import empty, there
from tests.handlers.stages.test_scopes import ROLLING, sales, shop
from tests.handlers.stages.world import World, changed, month
from tests.waiting import wait_until

__all__ = ["shop"]
ROOT = Path(__file__).parents[3]
MONTHS = {f"{n}.csv": month(f"2013-{n:02}-01", 9, seed=n) for n in range(1, 6)}
Facts = list[tuple[str, Mapping[str, Any]]]


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Facts]:
    """Two processes, however little there is to make; what is said, and whether there were any."""
    facts: Facts = []

    def each(work: Any, items: Any, most: int) -> Any:
        log("made by", processes=min(most, len(items)))
        return at_once(work, items, most)

    at_once = workers.each
    monkeypatch.setattr(making, "WORTH_BYTES", 0)
    monkeypatch.setattr(workers, "allowed", lambda: Allowed(2, 4 << 30))
    monkeypatch.setattr(workers, "each", each)
    with logged_by(lambda event, more: facts.append((event, more))):
        yield facts


def made_by(facts: Facts) -> list[int]:
    return [more["processes"] for event, more in facts if event == "made by"]


def of_run(world: World, run: str = "r") -> tuple[Dataset, dict[str, Any]]:
    return transform.of_run(world.store, load(world.read_spec()), run, world.snapshot(run)[1])[:2]


def both_ways(world: World, facts: Facts, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The summary of one process, after two have given the same."""
    at_once, bytes_at_once = of_run(world, "two"), there(world)
    assert 2 in made_by(facts)
    empty(world)
    del facts[:]
    with monkeypatch.context() as patch:
        patch.setattr(making, "WORTH_BYTES", 1 << 40)
        alone = of_run(world, "one")
    assert set(made_by(facts)) == {1}
    assert (at_once, bytes_at_once.keys()) == (alone, there(world).keys())
    assert bytes_at_once == there(world)
    return alone[1]


def test_the_same_bytes_under_the_same_names(world: World, processes: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects with the same bytes are made once."""
    for name, data in [*MONTHS.items(), ("again.csv", MONTHS["1.csv"])]:
        world.put(name, data)
    summary = both_ways(world, processes, monkeypatch)
    assert (summary["objects"], summary["objects_read"], summary["rows_made"]) == (6, 5, 5 * 9 * 40)
    told = [more["source"] for event, more in processes if event == "parts made"]
    assert told == [f"incoming/late/{name}" for name in MONTHS]


def test_a_query_with_a_reference_table(world: World, processes: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    incoming = world.spec["data"]["sources"]["incoming"]
    names = {"prefix": "incoming/names/", "format": "csv", "columns": {"carrier": "string", "seats": "float"}, "join": "broadcast"}
    query = {"sql": "SELECT day, carrier, distance / seats AS distance, late FROM incoming LEFT JOIN names USING (carrier)"}
    world.spec = changed(world.spec, data__sources={"incoming": incoming, "names": names}, data__query=query)
    world.store.put("incoming/names/1.csv", b"carrier,seats\nAA,100\nBB,200\n")
    for name, data in MONTHS.items():
        world.put(name, data)
    both_ways(world, processes, monkeypatch)
    assert [event for event, _ in processes].count("reference read") == 1


def test_raw_parts_of_windows(shop: World, processes: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(2):
        shop.put(f"{n}.csv", sales(4 * n, 4))
    shop.spec["data"]["query"] = {"sql": ROLLING, "scope": {"lookback": "1d"}}
    both_ways(shop, processes, monkeypatch)


def test_a_bad_row_is_named_as_in_one_process(world: World, processes: Facts) -> None:
    for name, data in MONTHS.items():
        world.put(name, data.replace(b",true\n", b",perhaps\n", 1) if name in ("2.csv", "4.csv") else data)
    with pytest.raises(BadData) as at_once:
        of_run(world)
    assert 2 in made_by(processes)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(BadData) as alone:
        patch.setattr(making, "WORTH_BYTES", 1 << 40)
        of_run(world)
    assert str(at_once.value) == str(alone.value)
    assert "incoming/late/2.csv" in str(at_once.value)
    assert "perhaps" in str(at_once.value)


def test_what_changes_meanwhile_is_learned_as_it_is_then(world: World, processes: Facts) -> None:
    for name, data in MONTHS.items():
        world.put(name, data)
    snapshot = world.snapshot("r")[1]
    world.put("3.csv", month("2013-03-01", 9, seed=99))
    found = transform.of_run(world.store, load(world.read_spec()), "r", snapshot)
    assert world.request("r")["before"] == [snapshot]
    assert found[0] == of_run(world, "later")[0]
    assert 2 in made_by(processes)


TRANSFORMS = """
import sys
from handlers import transform, workers
from handlers.contracts import main
from handlers.data import making
making.WORTH_BYTES = 0
workers.allowed = lambda: workers.Allowed(2, 4 << 30)
main(transform.run, sys.argv[1:])
"""


@pytest.mark.parametrize(("number", "code", "written"), [(signal.SIGKILL, -9, 1), (signal.SIGTERM, 143, 20)])
def test_killed_while_they_work(world: World, tmp_path: Path, number: signal.Signals, code: int, written: int) -> None:
    for name, data in MONTHS.items():
        world.put(name, data)
    of_run(world)
    whole = there(world)
    empty(world)
    out = tmp_path / "killed"
    given = ["--model", "late", "--spec", world.read_spec(), "--snapshot", world.snapshot("a")[1], "--run", "a", "--dataset-out", str(out)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", TRANSFORMS, *given]
    with subprocess.Popen(words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as first:
        wait_until(lambda: len(there(world)) >= written)
        first.send_signal(number)
        _, err = first.communicate()  # it ends when the last process that has its standard error is gone
    assert first.returncode == code, err
    assert not out.exists()
    left = there(world)
    assert written <= len(left) < len(whole)
    assert left.items() <= whole.items()
    of_run(world, "b")
    assert there(world) == whole
