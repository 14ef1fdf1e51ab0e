"""Who gets which lock; locks and the memo of a node."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localargo.workflows.locks import Claim, grant
from localargo.workflows.messages import FreeLock, LockWaiting, WantLock

Tell = Callable[..., Any]

NAMES = ["Mutex/ns/a", "Mutex/ns/b", "Semaphore/ns/cm/k"]
LIMITS = {"Semaphore/ns/cm/k": 2}


@given(st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True), max_size=8))
def test_no_lock_is_given_too_often_and_everyone_is_served(wanted: list[list[str]]) -> None:
    waiting = [Claim(i, locks, LIMITS) for i, locks in enumerate(wanted)]
    holders: dict[str, list[int]] = {}
    served = []
    while waiting:
        given_now, refused = grant(holders, waiting)
        assert given_now, "someone can always go on when nobody holds anything"
        assert {c.owner for c in given_now} | set(refused) == {c.owner for c in waiting}
        for name in NAMES:
            assert sum(name in c.locks for c in given_now) <= LIMITS.get(name, 1)
        served += [c.owner for c in given_now]
        waiting = [c for c in waiting if c.owner in refused]
    assert sorted(served) == list(range(len(wanted)))


def test_nobody_passes_another_who_waits_for_the_same() -> None:
    held = {"Mutex/ns/a": [0]}
    given_now, refused = grant(held, [Claim(1, ["Mutex/ns/a", "Mutex/ns/b"], {}), Claim(2, ["Mutex/ns/b"], {})])
    assert given_now == []
    assert refused[1].message == "Waiting for ns/Mutex/a lock. Lock status: 0/1"
    assert refused[2].lock == "Mutex/ns/b"


def test_nodes_of_one_workflow_pass_each_other() -> None:
    held = {"Mutex/ns/a": [0], "Semaphore/ns/cm/k": [0, 5, 6]}
    claims = [Claim(1, ["Mutex/ns/a", "Mutex/ns/b"], {}, "w"), Claim(2, ["Mutex/ns/b"], {}, "v"), Claim(3, ["Mutex/ns/b"], {}, "w")]
    given_now, refused = grant(held, [*claims, Claim(4, ["Semaphore/ns/cm/k"], LIMITS)])
    assert [c.owner for c in given_now] == [3]
    assert refused[4].message == "Waiting for ns/ConfigMap/cm/k lock. Lock status: -1/2"  # made smaller while held


WRONG = {
    "semaphores: [{configMapKeyRef: {name: cm, key: other}}]": "failed to initialize semaphore ns/ConfigMap/cm/other with limit",
    "semaphores: [{configMapKeyRef: {name: none, key: k}}]": "failed to initialize semaphore ns/ConfigMap/none/k with limit",
    "semaphores: [{configMapKeyRef: {name: cm, key: few}}]": "failed to initialize semaphore ns/ConfigMap/cm/few with limit",
    "mutexes: [{name: m}, {name: m}]": "requested configuration is invalid: duplicate synchronization item found",
    "semaphores: [{namespace: x}]": "requested configuration is invalid: "
    "cannot get LockName for a Semaphore without a ConfigMapRef or Database",
}


@pytest.mark.parametrize(("field", "message"), WRONG.items())
def test_locks_that_cannot_be(tell: Tell, field: str, message: str) -> None:
    own, whole = "semaphores: [{configMapKeyRef: {name: cm, key: k}}]", 'mutexes: [{name: "m-{{workflow.parameters.p}}"}]'
    text = TEXT.replace('{k: "2"}', '{k: "2", few: some}')
    of_node = tell(text.replace(own, field)).play()["status"]
    assert (of_node["phase"], of_node["message"]) == ("Error", f"error in entry template execution: {message}")
    of_workflow = tell(text.replace(whole, field)).play()["status"]
    assert (of_workflow["phase"], of_workflow["message"]) == ("Failed", f"Failed to acquire the synchronization lock. {message}")


TEXT = """
apiVersion: v1
kind: ConfigMap
metadata: {name: cm}
data: {k: "2"}
---
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  arguments: {parameters: [{name: p, value: P}]}
  synchronization: {mutexes: [{name: "m-{{workflow.parameters.p}}"}]}
  templates:
  - name: main
    synchronization: {semaphores: [{configMapKeyRef: {name: cm, key: k}}]}
    memoize: {key: "key-{{workflow.parameters.p}}", maxAge: 1h, cache: {configMap: {name: cache}}}
    container: {image: i, command: [write, val]}
    outputs: {parameters: [{name: o, valueFrom: {path: /tmp/o}}]}
"""


def actions(told: Any, kind: type) -> list[Any]:
    return [a for o in told.outcomes for a in o.actions if isinstance(a, kind)]


def test_a_workflow_and_a_node_ask_wait_and_give_back(tell: Tell) -> None:
    told = tell(TEXT)
    told.step()
    assert told.run.head["phase"] == "Pending"
    told.facts.appendleft(LockWaiting("", "Waiting for ns/Mutex/m-P lock. Lock status: 0/1", "Mutex/ns/m-P"))
    told.step()
    assert told.run.head["message"] == "Waiting for ns/Mutex/m-P lock. Lock status: 0/1"
    told.step()
    told.facts.appendleft(LockWaiting("w", "Waiting for ns/ConfigMap/cm/k lock. Lock status: 0/2", "Semaphore/ns/cm/k"))
    told.step()
    assert told.nodes()[""]["synchronizationStatus"] == {"waiting": "ns/ConfigMap/cm/k"}
    shown = told.play()["status"]
    assert shown["phase"] == "Succeeded"
    assert "synchronizationStatus" not in told.nodes()[""]
    assert "message" not in shown
    wants = actions(told, WantLock)
    assert [(w.node_id, tuple(w.locks), dict(w.limits)) for w in wants] == [
        ("", ("Mutex/ns/m-P",), {}),
        ("w", ("Semaphore/ns/cm/k",), {"Semaphore/ns/cm/k": 2}),
    ]
    assert {f.node_id for f in actions(told, FreeLock)} == {"", "w"}


def test_the_memo_is_asked_under_the_lock(tell: Tell) -> None:
    told = tell(TEXT)
    told.play()
    cache = told.world.configmaps["cache"]
    assert cache["metadata"]["labels"] == {"workflows.argoproj.io/configmap-type": "Cache"}
    entry = json.loads(cache["data"]["key-P"])
    assert entry["nodeID"] == "w"
    assert entry["outputs"]["parameters"][0]["value"] == "val"
    assert entry["creationTimestamp"] == entry["lastHitTimestamp"]
    again = tell(TEXT)
    again.world = told.world
    assert again.play()["status"]["phase"] == "Succeeded"
    assert again.pods == []
    assert again.nodes()[""]["memoizationStatus"] == {"hit": True, "key": "key-P", "cacheName": "cache"}
    assert "w" in {f.node_id for f in actions(again, FreeLock)}


def test_a_key_that_cannot_be(tell: Tell) -> None:
    told = tell(TEXT.replace("key-{{", "key/{{"))
    assert told.play()["status"]["message"] == "error in entry template execution: invalid cache key: key/P"


CACHE = """
---
apiVersion: v1
kind: ConfigMap
metadata: {name: cache, labels: {workflows.argoproj.io/configmap-type: TYPE}}
data: {key-P: 'ENTRY'}
"""
KNOWN = '{"nodeID": "x-1", "outputs": {"parameters": [{"name": "o", "value": "known"}]}, "creationTimestamp": "2000-01-01T00:00:00Z"}'


def test_a_configmap_of_the_memos_name_knows(tell: Tell) -> None:
    told = tell((TEXT + CACHE.replace("TYPE", "Cache").replace("ENTRY", KNOWN)).replace("maxAge: 1h, ", ""))
    assert told.play()["status"]["phase"] == "Succeeded"
    assert told.pods == []
    assert told.nodes()[""]["outputs"]["parameters"][0]["value"] == "known"
    old = tell(TEXT + CACHE.replace("TYPE", "Cache").replace("ENTRY", KNOWN))
    assert old.play()["status"]["phase"] == "Succeeded"
    assert len(old.pods) == 1
    assert old.nodes()[""]["memoizationStatus"]["hit"] is False


@pytest.mark.parametrize(
    ("label", "entry", "message"),
    [
        ("Parameter", KNOWN, "memoization configmap doesn't have label workflows.argoproj.io/configmap-type = Cache, refusing to use it"),
        ("", KNOWN, "memoization configmap doesn't have workflows.argoproj.io/configmap-type label, refusing to use it"),
        ("Cache", "{no", "malformed cache entry: could not unmarshal JSON; unable to parse: invalid character"),
        ("Cache", "[]", "malformed cache entry: could not unmarshal JSON; unable to parse: json: cannot unmarshal"),
    ],
)
def test_a_configmap_that_is_no_memo(tell: Tell, label: str, entry: str, message: str) -> None:
    cache = CACHE.replace("TYPE", label) if label else CACHE.replace(", labels: {workflows.argoproj.io/configmap-type: TYPE}", "")
    told = tell(TEXT + cache.replace("ENTRY", entry))
    shown = told.play()["status"]
    assert shown["phase"] == "Error"
    assert shown["message"].startswith(f"error in entry template execution: {message}")
    assert told.pods == []


def test_terminated_while_it_waits_for_its_lock(tell: Tell) -> None:
    told = tell(TEXT)
    told.step()
    told.facts.clear()
    shown = told.operate("terminate")["status"]
    assert (shown["phase"], shown["message"]) == ("Failed", "Stopped with strategy 'Terminate'")
    assert told.pods == []
