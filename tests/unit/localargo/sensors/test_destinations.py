"""The quick way to a destination is SJSON's way."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localargo.expressions import ExpressionError, jsonpaths
from localargo.sensors.destinations import parts, place

RESOURCE: dict[str, Any] = {
    "metadata": {"name": "retrain-", "labels": {"retrain/trigger": "x"}},
    "spec": {
        "arguments": {"parameters": [{"name": "model", "value": "a"}, {"name": "event"}, {"name": "twice"}, {"name": "twice", "value": 1}]}
    },
    "list": [[1, 2], {"0": "zero"}, "text", None],
    "empty": {},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("metadata.name", True),
        ("metadata.new", True),
        ("metadata.labels.retrain/trigger", True),
        ("metadata.annotations.id", False),
        ("spec.arguments.parameters.0.value", True),
        ("spec.arguments.parameters.9.value", False),
        ("spec.arguments.parameters.-1", False),
        ('spec.arguments.parameters.#(name=="model").value', True),
        ('spec.arguments.parameters.#(name=="event").value', False),
        ('spec.arguments.parameters.#(name=="twice").value', False),
        ('spec.arguments.parameters.#(name=="none").value', False),
        (r"metadata.labels.example\.com/x", False),
        ("list.0.1", True),
        ("list.1.0", True),
        ("list.2.x", False),
        ("metadata.n*", False),
        ("", False),
        ("a|b", False),
    ],
)
def test_only_what_is_plain_is_found(path: str, found: bool) -> None:
    assert (place(RESOURCE, path) is not None) is found


def test_steps() -> None:
    assert parts('a.0.#(name=="x.y").value') == ("a", "0", ("name", "x.y"), "value")
    assert parts("a..b") is None


STEPS = st.sampled_from(
    ["metadata", "name", "labels", "spec", "arguments", "parameters", "0", "1", "3", "7", "value", "list", "empty", "new", "-1", "#", "n*"]
    + [f'#(name=="{name}")' for name in ("model", "event", "twice", "none")]
)


@given(st.lists(STEPS, min_size=1, max_size=6), st.sampled_from(["text", 5, None, {"a": 1}]))
def test_what_is_written_the_quick_way_is_what_sjson_writes(steps: list[str], value: Any) -> None:
    path, resource = ".".join(steps), copy.deepcopy(RESOURCE)
    found = place(resource, path)
    if found is None:
        return
    found[0][found[1]] = value
    assert resource == jsonpaths.set(RESOURCE, path, value)


@pytest.mark.parametrize(
    "path",
    [
        "metadata.name",
        "spec.arguments.parameters.0.value",
        'spec.arguments.parameters.#(name=="model").value',
        "list.0.1",
        "empty.x",
        "list.1.0",
    ],
)
def test_the_usual_paths_are_quick_and_the_same(path: str) -> None:
    resource = copy.deepcopy(RESOURCE)
    found = place(resource, path)
    assert found is not None
    found[0][found[1]] = "new"
    assert resource == jsonpaths.set(RESOURCE, path, "new")
    with pytest.raises(ExpressionError):
        jsonpaths.set(RESOURCE, "", "x")
