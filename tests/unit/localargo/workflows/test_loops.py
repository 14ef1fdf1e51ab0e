"""Items and sequences as Argo writes them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localargo.expressions import rawjson
from localargo.workflows import loops
from localargo.workflows.arguments import ABSENT
from localargo.workflows.scope import Scope
from localargo.workflows.work import CallFailed


@pytest.mark.parametrize(
    ("item", "text", "name"),
    [
        ("1e-05", "1e-05", "s(0:1e-05)"),
        ("1.0", "1.0", "s(0:1.0)"),
        ("null", "null", "s(0:[])"),
        ('"a(b)c"', "a(b)c", "s(0:abc)"),
        ('"q\\"q"', 'q"q', 's(0:q\\"q)'),
        ('{"b": {"z": 1, "y": 2.0}, "a": "x"}', '{"a":"x","b":{"z":1,"y":2.0}}', 's(0:a:x,b:{"z":1,"y":2.0})'),
        ('["x", 1.0]', '["x",1.0]', "s(0:[x 1.0])"),
        ("true", "true", "s(0:true)"),
    ],
)
def test_text_and_name_of_an_item(item: str, text: str, name: str) -> None:
    value = rawjson.loads(item)
    assert loops.whole_text(value) == text
    assert loops.item_name("s", 0, value) == name


PRINTED = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=5)  # Argo cannot put most control characters into a manifest
SIMPLE = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | PRINTED
ITEMS = st.lists(
    SIMPLE | st.lists(SIMPLE, max_size=3) | st.dictionaries(PRINTED, SIMPLE | st.lists(SIMPLE, max_size=2), max_size=3),
    max_size=3,
)


@settings(max_examples=60)
@given(ITEMS)
def test_an_item_that_is_no_text_means_the_same_json(items: list[object]) -> None:
    step = {"name": "s", "withParam": rawjson.dumps(items), "arguments": {"parameters": [{"name": "v", "value": "{{item}}"}]}}
    calls = loops.expand(step, {})
    assert len(calls) == len(items)
    for index, item in enumerate(items):
        made = calls.call(index)
        value = made["arguments"]["parameters"][0]["value"]
        assert value == item if isinstance(item, str) else rawjson.loads_plain(value) == item
        assert made["name"].startswith(f"s({index}:")


@pytest.mark.parametrize(
    ("field", "made"),
    [
        ({"count": "3"}, ["0", "1", "2"]),
        ({"count": 2, "start": "5"}, ["5", "6"]),
        ({"start": "3", "end": "1"}, ["3", "2", "1"]),
        ({"start": "1", "end": "2", "format": "u%02d"}, ["u01", "u02"]),
        ({"count": "0"}, []),
        ({"end": "0"}, ["0"]),
        ({"count": "-1"}, ["0", "-1", "-2"]),
        ({"count": "1", "format": "%s"}, ["%!s(int=0)"]),
        ({"count": "1", "format": "n"}, ["n%!(EXTRA int=0)"]),
        ({"count": "2", "format": "%x-%d"}, ["0-%!d(MISSING)", "1-%!d(MISSING)"]),
    ],
)
def test_sequences(field: dict[str, object], made: list[str]) -> None:
    assert loops.sequence(field) == made


@pytest.mark.parametrize(
    ("field", "message"),
    [({}, "neither end nor count"), ({"count": "x"}, 'parsing "x"'), ({"count": "1", "format": 'a"'}, "invalid character")],
)
def test_sequences_that_are_none(field: dict[str, object], message: str) -> None:
    with pytest.raises(CallFailed, match=message):
        loops.sequence(field)


def test_a_list_that_is_none() -> None:
    with pytest.raises(CallFailed, match=r"withParam value could not be parsed as a JSON list: not json: invalid character"):
        loops.expand({"name": "s", "withParam": "not json"}, {})
    assert len(loops.expand({"name": "s", "withParam": "not json", "when": "1 == 2"}, {})) == 0


def test_an_unknown_key_of_an_item() -> None:
    for items in ([{"a": 1}], [{"b": 1}, {"a": 1}], [{"b": 1}, "b"]):  # told before any is made
        with pytest.raises(CallFailed, match=r"failed to resolve \{\{item.b\}\}"):
            loops.expand({"name": "s", "withItems": items, "template": "{{item.b}}"}, {})
    with pytest.raises(CallFailed, match="failed to evaluate expression"):
        loops.expand({"name": "s", "withItems": ["1", "x"], "template": "{{=asInt(item)}}"}, {})


def test_a_step_that_does_not_run_needs_no_values() -> None:
    step = {"name": "s", "when": "1 == 2", "arguments": {"parameters": [{"name": "v", "value": "{{steps.x.outputs.result}}"}]}}
    assert loops.resolve_references(step, Scope(), {}) == step
    with pytest.raises(CallFailed, match="waits here for ever"):
        loops.resolve_references({**step, "when": "1 == 1"}, Scope(), {})


def test_an_output_that_was_never_written_counts_as_not_given() -> None:
    scope = Scope({"steps.x.outputs.parameters.o": None})
    step = {"name": "s", "arguments": {"parameters": [{"name": "v", "value": "{{ steps.x.outputs.parameters.o }}"}]}}
    made = loops.resolve_references(step, scope, {})
    assert made["arguments"]["parameters"][0]["value"] == ABSENT
    step = {"name": "s", "arguments": {"parameters": [{"name": "v", "value": "-{{steps.x.outputs.parameters.o}}"}]}}
    with pytest.raises(CallFailed, match="absent optional"):
        loops.resolve_references(step, scope, {})


RECORDED = [
    ("1e-05", "1e-05", "1e-05"),
    ("0.00001", "0.00001", "0.00001"),
    ("1.0", "1.0", "1.0"),
    ("100000000000", "100000000000", "100000000000"),
    ("1e21", "1e21", "1e21"),
    ("-0.5", "-0.5", "-0.5"),
    ("12345678901234567", "12345678901234567", "12345678901234567"),
    ("true", "true", "true"),
    ("null", "null", "[]"),
    ('""', "", ""),
    ('"1e-05"', "1e-05", "1e-05"),
    ('"with space"', "with space", "with space"),
    ('{"alpha": 1e-05, "b": [1, 2.0, null], "a": {"z": 1, "y": "ü"}}', '{"a":{"z":1,"y":"ü"},"alpha":1e-05,"b":[1,2.0,null]}', ""),
    ('["x", 1.0]', '["x",1.0]', "[x 1.0]"),
    ('[1, "two"]', '[1,"two"]', "[1 two]"),
    ('{"b": 1, "a": "x"}', '{"a":"x","b":1}', "a:x,b:1"),
    ('{"lr":0.1,"n":{"deep":1}}', '{"lr":0.1,"n":{"deep":1}}', 'lr:0.1,n:{"deep":1}'),
    ('{"lr":0.2,"n":[1,2]}', '{"lr":0.2,"n":[1,2]}', "lr:0.2,n:[1,2]"),
    ('{"alpha": 1.0, "n": 1e21, "nested": [1e-7, "q\\"q"]}', "", 'alpha:1.0,n:1e21,nested:[1e-7,"q\\"q"]'),
    ('{"alpha": "1e-05", "n": null, "nested": ""}', "", "alpha:1e-05,n:null,nested:"),
    ('"m:{\\"lr\\":0.1,\\"n\\":{\\"deep\\":1}}"', 'm:{"lr":0.1,"n":{"deep":1}}', 'm:{\\"lr\\":0.1,\\"n\\":{\\"deep\\":1}}'),
    ('"a (b)"', "a (b)", "a b"),
    ('"a<b>&c"', "a<b>&c", "a<b>&c"),
]


@pytest.mark.parametrize(("item", "text", "name"), RECORDED, ids=[row[0] for row in RECORDED])
def test_recorded_items(item: str, text: str, name: str) -> None:
    """As real Argo wrote them into parameters and node names (an empty expectation was not recorded)."""
    if text or item == '""':
        assert loops.whole_text(rawjson.loads(item)) == text
    if name or item == '""':
        assert loops.item_name("s", 0, rawjson.loads(item)) == f"s(0:{name})"


def test_recorded_nested_map() -> None:
    item = rawjson.loads('{"alpha": 1e-05, "b": [1, 2.0, null], "a": {"z": 1, "y": "ü"}}')
    assert loops.item_name("s", 0, item) == 's(0:a:{"z":1,"y":"ü"},alpha:1e-05,b:[1,2.0,null])'


def test_recorded_fields_of_an_item() -> None:
    item = rawjson.loads('{"alpha": 1.0, "n": 1e21, "nested": [1e-7, "q\\"q"], "s": "x", "e": ""}')
    assert [loops.printed(item[key]) for key in item] == ["1.0", "1e21", '[1e-7,"q\\"q"]', "x", ""]
    assert loops.printed(rawjson.loads('{"b": 1.0, "a": null}')) == '{"b":1.0,"a":null}'
