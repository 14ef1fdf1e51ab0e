from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pygjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localargo.expressions import ExpressionError, jsonpaths
from localargo.expressions.rawjson import dumps

FOLDER = Path(__file__).parent / "vectors"


def rows(name: str) -> list[Any]:
    found = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return [pytest.param(row, found["doc"], id=f"{row.get('doc', '')} {row['text']}"[:80]) for row in found["rows"]]


@pytest.mark.parametrize(("row", "doc"), rows("gjson") + rows("gjson-2"))
def test_reads_what_gjson_reads(row: dict[str, Any], doc: str) -> None:
    found = jsonpaths.get(doc, row["text"])
    assert found.exists is ("error" not in row)
    assert found.text == row.get("out", "")


@pytest.mark.parametrize(("row", "doc"), rows("sjson"))
def test_writes_what_sjson_writes(row: dict[str, Any], doc: str) -> None:
    before = json.loads(row["doc"])
    if "error" in row:
        with pytest.raises(ExpressionError):
            jsonpaths.set(before, row["text"], json.loads(row["value"]))
    else:
        assert dumps(jsonpaths.set(before, row["text"], json.loads(row["value"]))) == row["out"]
    assert before == json.loads(row["doc"])


BODY = (
    '{"s":"plain text","i":42,"big":12345678901234567,"f":0.001,"fi":1.0,"exp":1e21,"t":true,"nul":null,'
    '"o":{"k":"v","n":1},"a":[1,"two",3.0]}'
)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("s", "plain text"),
        ("i", "42"),
        ("big", "12345678901234567"),
        ("f", "0.001"),
        ("fi", "1"),
        ("exp", "1000000000000000000000"),
        ("t", "true"),
        ("nul", "null"),
        ("o", '{"k":"v","n":1}'),
        ("a", '[1,"two",3.0]'),
        ("a.1", "two"),
        ("a.#", "3"),
        ("o.k", "v"),
    ],
)
def test_recorded_parameter_types(path: str, text: str) -> None:
    assert jsonpaths.get(BODY, path).text == text


def test_null_exists_and_a_missing_key_does_not() -> None:
    assert jsonpaths.get(BODY, "nul").exists
    assert not jsonpaths.get(BODY, "missing").exists
    assert jsonpaths.get(BODY, "missing").value is None


def test_header_keys_are_matched_exactly() -> None:
    doc = {"header": {"X-Github-Event": ["push"], "Authorization": ["*** Masked Auth Secret ***"]}}
    assert jsonpaths.get(doc, "header.X-Github-Event.0").text == "push"
    assert not jsonpaths.get(doc, "header.x-github-event").exists
    assert jsonpaths.get(doc, "header.Authorization").text == '["*** Masked Auth Secret ***"]'


@pytest.mark.parametrize(
    ("raw", "number"),
    [("20", 20.0), ('"20"', 20.0), ('"abc"', 0.0), ("9.99", 9.99), ("true", 1.0), ("false", 0.0), ("null", 0.0), ("[]", 0.0)],
)
def test_numbers_of_a_data_filter(raw: str, number: float) -> None:
    assert jsonpaths.get(f'{{"n":{raw}}}', "n").number == number


def test_recorded_labels_by_an_escaped_path() -> None:
    found = jsonpaths.set({"metadata": {"generateName": "e11-"}}, r"metadata.labels.example\.com/model", "delay")
    assert found == {"metadata": {"generateName": "e11-", "labels": {"example.com/model": "delay"}}}


def test_a_parameter_by_its_name_wherever_it_stands() -> None:
    for order in (["event", "model"], ["model", "event"]):
        doc = {"spec": {"arguments": {"parameters": [{"name": name, "value": ""} for name in order]}}}
        found = jsonpaths.set(doc, 'spec.arguments.parameters.#(name=="event").value', "e")
        assert {item["name"]: item["value"] for item in found["spec"]["arguments"]["parameters"]} == {"event": "e", "model": ""}


@pytest.mark.parametrize("path", ["{a,b}", "[a]", "!1"])
def test_multipaths_are_refused_by_name(path: str) -> None:
    with pytest.raises(ExpressionError, match="is not supported"):
        jsonpaths.get(BODY, path)


@pytest.mark.parametrize(("doc", "path"), [("{", "a"), ("nope", "a"), (BODY, "a.#(b"), (BODY, "x" * 3000)])
def test_errors(doc: str, path: str) -> None:
    with pytest.raises(ExpressionError):
        jsonpaths.get(doc, path)


def test_a_list_cannot_be_blown_up() -> None:
    with pytest.raises(ExpressionError, match="past the end"):
        jsonpaths.set({"a": []}, "a.999999999", 1)


KEYS = st.text(alphabet="abcxyzü-_", min_size=1, max_size=4).filter(lambda key: key != "-1")
DOCS: st.SearchStrategy[Any] = st.dictionaries(
    KEYS,
    st.recursive(
        st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(max_size=6),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
        max_leaves=10,
    ),
    max_size=4,
)


@given(DOCS, st.lists(KEYS, min_size=1, max_size=4), st.integers() | st.text(max_size=5))
def test_what_is_set_is_got(doc: dict[str, Any], keys: list[str], value: Any) -> None:
    path = ".".join(keys)
    before = copy.deepcopy(doc)
    try:
        after = jsonpaths.set(doc, path, value)
    except ExpressionError as error:
        assert "non-numeric key" in str(error)
    else:
        assert jsonpaths.get(after, path).value == value
    assert doc == before


@given(DOCS, st.lists(KEYS | st.sampled_from(["0", "1", "#"]), min_size=1, max_size=4))
def test_agrees_with_another_gjson(doc: dict[str, Any], keys: list[str]) -> None:
    """pygjson wraps its values and hides null, so only what it finds as a scalar is compared."""
    text, path = json.dumps(doc, ensure_ascii=False), ".".join(keys)  # the other one misreads escaped pairs of surrogates
    other = pygjson.get(text, path)
    if other is not None and isinstance(other.value, (str, int)):
        assert jsonpaths.get(text, path).value == other.value


def test_kubectl_templates() -> None:
    doc = {"status": {"phase": "Succeeded", "n": 3, "none": None}, "items": [{"name": "a"}, {"name": "b", "tags": ["x"]}], "a.b": 1}
    assert jsonpaths.jsonpath(doc, "{.status.phase}") == "Succeeded"
    assert jsonpaths.jsonpath(doc, ".status.n") == "3"
    assert jsonpaths.jsonpath(doc, "n={.status.n} {.items[0].name}{.items[-1].name}{$.status.none}") == "n=3 abnull"
    assert jsonpaths.jsonpath(doc, "{.items[1]}") == '{"name":"b","tags":["x"]}'
    assert jsonpaths.jsonpath(doc, "{.items[1]['tags'][0]}") == "x"
    assert jsonpaths.jsonpath(doc, r"{.a\.b}") == jsonpaths.jsonpath(doc, "{['a.b']}") == "1"
    assert jsonpaths.jsonpath(doc, "[{.nope}{.status.nope.x}{.items[7]}{.items.name}{.status[0]}]") == "[]"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("{range .items[*]}{.name}{end}", "is not supported: names and indexes are"),
        ("{.items[*].name}", "'[*].name' is not supported"),
        ("{.items[?(@.name=='b')]}", "is not supported"),
        ("{..name}", "'..name' is not supported"),
        ("{.a", "unclosed"),
    ],
)
def test_what_selects_several_values_is_refused(path: str, message: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        jsonpaths.jsonpath({}, path)
    assert message in str(refused.value)
