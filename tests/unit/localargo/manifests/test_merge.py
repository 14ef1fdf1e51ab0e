from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localargo.manifests.merge import merge_patch, merge_workflow_spec, strategic_merge

JSON = st.recursive(
    st.none() | st.integers() | st.text("ab", max_size=2), lambda x: st.lists(x, max_size=2) | st.dictionaries(st.text("ab", max_size=2), x)
)


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [  # the table of RFC 7386
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch_is_rfc_7386(target: Any, patch: Any, result: Any) -> None:
    assert merge_patch(target, patch) == result


@given(JSON, st.dictionaries(st.text("ab", max_size=2), JSON))
def test_a_merge_patch_twice_is_a_merge_patch_once(target: Any, patch: Any) -> None:
    once = merge_patch(target, patch)
    assert merge_patch(once, patch) == once


def test_pod_lists_merge_by_their_key_and_others_are_replaced() -> None:
    pod: dict[str, Any] = {
        "containers": [
            {"name": "wait", "image": "w"},
            {"name": "main", "image": "m", "args": ["a"], "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
        ],
        "nodeSelector": {"a": "1"},
    }
    patch = {
        "nodeSelector": {"b": "2"},
        "containers": [{"name": "main", "args": ["b", "c"], "env": [{"name": "B", "value": "3"}, {"name": "C", "value": "4"}]}],
    }
    merged = strategic_merge(pod, patch)
    main = merged["containers"][1]
    assert [container["name"] for container in merged["containers"]] == ["wait", "main"]
    assert main == {
        "name": "main",
        "image": "m",
        "args": ["b", "c"],
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "3"}, {"name": "C", "value": "4"}],
    }
    assert merged["nodeSelector"] == {"a": "1", "b": "2"}
    assert pod["containers"][1]["args"] == ["a"]


def test_directives_delete_replace_and_retain() -> None:
    pod = {
        "containers": [{"name": "a"}, {"name": "b"}],
        "volumes": [{"name": "v", "emptyDir": {}}],
        "finalizers": ["x", "y"],
        "s": {"a": 1, "b": 2},
    }
    assert strategic_merge(pod, {"containers": [{"name": "a", "$patch": "delete"}]})["containers"] == [{"name": "b"}]
    assert strategic_merge(pod, {"containers": [{"$patch": "replace"}, {"name": "c"}]})["containers"] == [{"name": "c"}]
    assert strategic_merge(pod, {"volumes": [{"name": "v", "$retainKeys": ["name", "secret"], "secret": {}}]})["volumes"] == [
        {"name": "v", "secret": {}}
    ]
    assert strategic_merge(pod, {"$deleteFromPrimitiveList/finalizers": ["x"]})["finalizers"] == ["y"]
    assert strategic_merge(pod, {"s": {"$patch": "replace", "c": 3}})["s"] == {"c": 3}
    assert strategic_merge(pod, {"s": {"$patch": "delete"}})["s"] == {}
    assert strategic_merge(pod, {"s": None}).keys() == {"containers", "volumes", "finalizers"}


def names(spec: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(each["name"], each.get("value", each.get("valueFrom"))) for each in spec["arguments"]["parameters"]]


def test_a_workflow_overrides_its_template_by_parameter_name() -> None:
    template = {
        "entrypoint": "main",
        "arguments": {
            "parameters": [{"name": "a", "value": "1"}, {"name": "b", "value": "2", "enum": ["2", "3"]}, {"name": "c", "value": "4"}]
        },
        "templates": [{"name": "main"}],
        "suspend": True,
    }
    merged = merge_workflow_spec({"arguments": {"parameters": [{"name": "b", "value": "3"}, {"name": "d", "value": "5"}]}}, template)
    assert names(merged) == [("a", "1"), ("b", "3"), ("d", "5"), ("c", "4")]
    assert merged["arguments"]["parameters"][1]["enum"] == ["2", "3"]
    assert merged["templates"] == [{"name": "main"}]
    assert "suspend" not in merged


def test_the_order_of_layers_is_workflow_template_defaults() -> None:
    merged = merge_workflow_spec(
        {"entrypoint": "w", "podGC": None},
        {"entrypoint": "t", "parallelism": 2, "podGC": {"strategy": "OnPodCompletion"}},
        {"entrypoint": "d", "parallelism": 1, "priority": 7},
    )
    assert merged == {"entrypoint": "w", "parallelism": 2, "podGC": {"strategy": "OnPodCompletion"}, "priority": 7}


def test_a_value_takes_the_place_of_value_from() -> None:
    source = {"configMapKeyRef": {"name": "m", "key": "k"}}
    template = {"arguments": {"parameters": [{"name": "a", "valueFrom": source}, {"name": "b", "value": "x"}]}}
    own = {"arguments": {"parameters": [{"name": "a", "value": "1"}, {"name": "b", "valueFrom": source}]}}
    assert names(merge_workflow_spec(own, template)) == [("a", "1"), ("b", source)]


def test_an_empty_text_or_list_in_the_workflow_takes_nothing_away() -> None:
    template = {"entrypoint": "main", "onExit": "last", "templates": [{"name": "main"}]}
    assert merge_workflow_spec({"entrypoint": "", "templates": [], "onExit": None}, template) == template
