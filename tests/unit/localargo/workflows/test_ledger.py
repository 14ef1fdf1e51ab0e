import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localargo.store import open_store, transaction
from localargo.workflows.ledger import SCHEMA, Ledger
from localargo.workflows.messages import Created, Outcome, Run, StopPod, TimerDue, WantLock
from localargo.workflows.run import apply


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    opened = open_store(tmp_path / "engine.db", [SCHEMA])
    yield opened
    opened.close()


def run(name: str = "w", **labels: str) -> Run:
    return Run({"kind": "Workflow", "metadata": {"name": name, "labels": labels}}, {"phase": ""}, {}, {}, {})


def outcome(**given: Any) -> Outcome:
    return Outcome(**{"nodes": {}, "private": {}, "edges": [], "head": None, "actions": [], "cancel": [], "wake_at": None, **given})


def node(name: str, phase: str = "Running") -> dict[str, Any]:
    return {"id": name, "name": name, "displayName": name, "type": "Pod", "phase": phase}


class Writer:
    """Saves outcomes as the controller does, and applies them to a run in memory."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection, self.ledger, self.run = connection, Ledger(connection), run()
        with transaction(connection):
            self.wf = self.ledger.insert(self.run)

    def save(self, change: Outcome, finished: bool = False) -> None:
        first, edge = self.ledger.next_numbers(self.wf)
        order = {n: first + i for i, n in enumerate(change.nodes)}
        with transaction(self.connection):
            self.ledger.save(self.wf, change, None, finished, order, edge)
        apply(self.run, change)

    def loaded(self) -> Run:
        row = self.ledger.load(self.wf)
        assert row is not None
        return row.run


names = st.sampled_from(["a", "b", "c", "d"])
changes = st.lists(
    st.tuples(
        st.lists(st.tuples(names, st.sampled_from(["Running", "Failed"])), max_size=3),
        st.dictionaries(names, st.dictionaries(st.just("role"), st.text(max_size=3), max_size=1), max_size=2),
        st.lists(st.tuples(names, names), max_size=3),
        st.lists(names, max_size=2, unique=True),
    ),
    max_size=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(changes)
def test_what_is_loaded_is_what_is_in_memory(connection: sqlite3.Connection, steps: Any) -> None:
    with transaction(connection):
        for wf in Ledger(connection).unfinished():
            Ledger(connection).delete(wf)
    writer = Writer(connection)
    for nodes, private, edges, removed in steps:
        new = {name: node(name, phase) for name, phase in nodes}
        kept = {n: p for n, p in private.items() if n in new or (n in writer.run.nodes and n not in removed)}
        joined = [(p, c) for p, c in edges if all(n in new or (n in writer.run.nodes and n not in removed) for n in (p, c))]
        writer.save(outcome(nodes=new, private=kept, edges=joined, removed=[n for n in removed if n in writer.run.nodes], head={"n": 1}))
        back = writer.loaded()
        assert back.nodes == writer.run.nodes
        assert {n: p for n, p in back.private.items() if p} == {n: p for n, p in writer.run.private.items() if p}
        assert back.edges == {p: c for p, c in writer.run.edges.items() if c}
        assert back.head == writer.run.head


def test_nodes_come_back_in_the_order_in_which_they_were_made(connection: sqlite3.Connection) -> None:
    writer = Writer(connection)
    writer.save(outcome(nodes={"z": node("z"), "m": node("m")}))
    writer.save(outcome(nodes={"a": node("a"), "z": node("z", "Failed")}))
    assert list(writer.loaded().nodes) == ["z", "m", "a"]


def test_a_name_is_taken_once(connection: sqlite3.Connection) -> None:
    ledger = Ledger(connection)
    ledger.insert(run("w"))
    with pytest.raises(sqlite3.IntegrityError):
        ledger.insert(run("w"))


def test_the_outbox_keeps_order_replaces_and_forgets(connection: sqlite3.Connection) -> None:
    ledger = Ledger(connection)
    wf = ledger.insert(run())
    ledger.put(wf, [StopPod("n", "p", 1.0), WantLock("n", ["Mutex/ns/m"], {})])
    ledger.put(wf, [StopPod("n", "p", 2.0)])
    found = Ledger(connection).outbox(wf)
    assert [action.key for action in found] == ["lock/n", "stop/n"]
    assert found[1] == StopPod("n", "p", 2.0)
    ledger.drop(wf, ["lock/n", "stop/other"])
    assert [action.key for action in ledger.outbox(wf)] == ["stop/n"]


def test_facts_wait_until_they_are_consumed(connection: sqlite3.Connection) -> None:
    ledger = Ledger(connection)
    wf = ledger.insert(run())
    first = ledger.add_fact(wf, Created())
    second = ledger.add_fact(wf, TimerDue())
    assert ledger.facts(wf) == [(first, Created()), (second, TimerDue())]
    ledger.drop_facts([first])
    assert ledger.facts(wf) == [(second, TimerDue())]


def test_a_finished_workflow_with_something_left_to_do_is_not_done(connection: sqlite3.Connection) -> None:
    writer = Writer(connection)
    writer.save(outcome(head={"phase": "Failed"}), finished=True)
    assert writer.ledger.unfinished() == []
    writer.ledger.put(writer.wf, [StopPod("n", "p", 1.0)])
    assert writer.ledger.unfinished() == [writer.wf]


def test_locks_are_held_until_given_back(connection: sqlite3.Connection) -> None:
    ledger = Ledger(connection)
    ledger.hold(1, "n", ["b", "a"])
    ledger.hold(1, "n", ["a"])
    ledger.hold(2, "", ["c"])
    assert ledger.holders() == [("a", 1, "n"), ("b", 1, "n"), ("c", 2, "")]
    ledger.free(1, "n")
    assert ledger.holders() == [("c", 2, "")]


def test_names_are_found_by_labels(connection: sqlite3.Connection) -> None:
    ledger = Ledger(connection)
    for name, model in (("one", "a"), ("two", "b"), ("three", "a")):
        ledger.insert(run(name, model=model))
    assert ledger.names() == ["one", "two", "three"]
    assert ledger.names(lambda labels: labels.get("model") == "a") == ["one", "three"]
    assert ledger.names(lambda labels: "other" in labels) == []


def test_nothing_stays_of_what_is_deleted(connection: sqlite3.Connection) -> None:
    writer = Writer(connection)
    writer.save(outcome(nodes={"a": node("a"), "b": node("b")}, edges=[("a", "b")]))
    writer.ledger.put(writer.wf, [StopPod("n", "p", 1.0)])
    writer.ledger.add_fact(writer.wf, Created())
    writer.ledger.hold(writer.wf, "", ["m"])
    writer.ledger.delete(writer.wf)
    for table in ("workflow", "node", "edge", "fact", "outbox", "holder"):
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
    assert writer.ledger.load(writer.wf) is None
    assert writer.ledger.number("w") is None
