"""A Sensor's document, read; the action that it decides on."""

from typing import Any

import pytest

from localargo.errors import InvalidInput, NotFound, Unsupported
from localargo.sensors.decide import act, read
from localargo.sensors.parameters import AcceptedEvent
from tests.unit.localargo.sensors.world import create, event, sensor, trigger


def no_configmap(name: str, key: str) -> str:
    raise NotFound(f"ConfigMap {name}")


def decided(action: dict[str, Any], **more: Any) -> Any:
    document = read(sensor(trigger(action=action, **more)))
    taken = AcceptedEvent(event(7), event(7).data)
    return act(document.name, document.triggers[0], {"d": taken}, 1_760_000_000.25, no_configmap)


def test_dependencies_are_bound_by_source_and_event() -> None:
    document = read(sensor(trigger("one", "a"), trigger("both", "a || b"), dependencies={"a": "x", "b": "x", "c": "y"}))
    one, both = document.triggers
    assert [d.name for d in document.bound(one, event(1, subject="x"))] == ["a"]
    assert [d.name for d in document.bound(both, event(1, subject="x"))] == ["a", "b"]
    assert document.bound(both, event(1, subject="y")) == []
    assert one.events_to_join((), "b") is None


@pytest.mark.parametrize("action", [{}, {"kafka": {}}, {"k8s": {}, "log": {}}, {"email": {"to": "x"}}])
def test_an_action_that_does_not_run_here_is_refused_by_name(action: dict[str, Any]) -> None:
    spec = {"template": {"name": "t", **action}}
    with pytest.raises(Unsupported, match=r"trigger t: .*supported: k8s, argoWorkflow, http, log"):
        read(sensor(spec))


def test_labels_are_for_what_is_created() -> None:
    made = decided({"k8s": create()})
    assert made.resource["metadata"]["labels"]["events.argoproj.io/action-timestamp"] == "1760000000250"
    assert (made.kind, made.operation) == ("k8s", "create")
    assert "labels" not in decided({"k8s": create(operation="patch")}).resource["metadata"]


@pytest.mark.parametrize(
    ("action", "more", "words"),
    [
        ({"k8s": {**create(), "source": {"inline": "a: 1\n---\nb: 2\n"}}}, {}, "must hold one document, not 2"),
        ({"k8s": {**create(), "source": {"inline": "a: [\n"}}}, {}, "inline"),
        ({"k8s": {**create(), "source": {"resource": {"metadata": "text"}}, "parameters": []}}, {}, "must be a mapping"),
        (
            {"k8s": create()},
            {"parameters": [{"src": {"dependencyName": "d", "value": "x"}, "dest": "k8s"}]},
            "have removed `k8s`",
        ),
        (
            {"http": {"url": "u", "dynamicHeaders": [{"src": {"dependencyName": "d", "dataKey": "absent"}, "dest": "X"}]}},
            {},
            "dynamic header X",
        ),
    ],
)
def test_what_leaves_no_action_is_told(action: dict[str, Any], more: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        decided(action, **more)


def test_the_document_is_never_changed() -> None:
    action = {"k8s": create()}
    before = repr(action)
    decided(action)
    assert repr(action) == before
