import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localargo.errors import InvalidInput
from localargo.manifests.yaml import dump, load_documents, scalar

KEYS = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), max_size=12)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("y", True),
        ("N", False),
        ("on", True),
        ("Off", False),
        ("yEs", "yEs"),
        ("0755", 493),
        ("0o17", 15),
        ("0x1F", 31),
        ("-0b11", -3),
        ("1_000", 1000),
        ("08", 8),
        ("1e-6", 1e-6),
        (".5", 0.5),
        ("1.0", 1),
        ("1e3", 1000),
        ("12:30:00", "12:30:00"),
        ("2026-01-31", "2026-01-31"),
        ("1.2.3", "1.2.3"),
        ("~", None),
        ("", None),
        ("=", "="),
        ("<<x", "<<x"),
        ("-", "-"),
    ],
)
def test_plain_scalars_mean_what_kubectl_reads(text: str, value: Any) -> None:
    found = scalar(text)
    assert (found, type(found)) == (value, type(value))


def test_whole_numbers_written_with_a_point_are_integers() -> None:
    doc = load_documents("items: [1.0, 2.5, 1e21, 100000000000000000000.0]", "f")[0].doc
    assert [type(each) for each in doc["items"]] == [int, float, float, int]


def test_every_field_has_its_line() -> None:
    text = "# about\nkind: Workflow\nspec:\n  templates:\n  - name: a\n    container:\n      image: x\n  - name: b\n"
    document = load_documents(text, "f")[0]
    assert document.line("spec.templates[0].container.image") == 7
    assert document.line("spec.templates[1].name") == 8
    assert document.line("") == 2


def test_several_documents_and_lists_are_unfolded() -> None:
    text = "kind: A\n---\n---\nkind: List\nitems:\n- kind: B\n  metadata: {name: b}\n- kind: C\n"
    documents = load_documents(text, "f")
    assert [document.kind for document in documents] == ["A", "B", "C"]
    assert documents[1].line("metadata.name") == 7


def test_a_list_of_what_is_no_document_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"items\[0\] of the List is not a mapping"):
        load_documents("kind: List\nitems: [1]", "f")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: 1\nb: 2\na: 3\n", "f:3: key 'a' is defined twice in one mapping; the first is in line 1"),
        ('{"a": 1, "a": 2}', "key 'a' is defined twice"),
        ("x: {a: 1, 'a': 2}", "key 'a' is defined twice"),
        ("a: .nan", "f:1: .nan is not possible in JSON"),
        ("a: 1e999", "the number 1e999 is too large"),
        ("a: [1", "f:1: not valid YAML"),
        ("a: {b: *nope}", "not valid YAML"),
        ("- 1", "f:1: a document must be a mapping, not a list"),
        ("hello", "a document must be a mapping, not the str 'hello'"),
        ("a: !!binary aGk=", "the tag tag:yaml.org,2002:binary is not supported"),
        ("a: !env HOME", "the tag !env is not supported"),
        ("? [a]\n: 1", "a key must be a string"),
        ("a: \x01", "not valid YAML"),
        ("<<: 3", "`<<` takes a mapping"),
    ],
)
def test_what_is_refused_is_named_with_its_line(text: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        load_documents(text, "f")
    assert reason in str(caught.value)


def test_anchors_and_merge_keys_work_but_cannot_explode() -> None:
    doc = load_documents("base: &b {a: 1, b: 2}\nmore: {<<: *b, b: 3}\nboth: {<<: [*b, {a: 9, c: 4}]}\n", "f")[0].doc
    assert doc["more"] == {"a": 1, "b": 3}
    assert doc["both"] == {"a": 1, "b": 2, "c": 4}
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9))
    with pytest.raises(InvalidInput, match="too large or too deep"):
        load_documents(bomb, "f")
    with pytest.raises(InvalidInput, match=r"too large or too deep|not YAML"):
        load_documents("a: " + "[" * 900 + "]" * 900, "f")


def test_quoted_and_tagged_texts_stay_texts_and_keys_are_texts() -> None:
    doc = load_documents("a: 'y'\nb: !!str 5\nc: \"1\"\n1: one\nyes: two\nnull: three\n", "f")[0].doc
    assert doc == {"a": "y", "b": "5", "c": "1", "1": "one", "true": "two", "null": "three"}


def test_single_letters_are_texts_in_the_resources_of_argo_events() -> None:
    text = "kind: {}\nspec: {{a: y, b: n, c: yes}}\n"
    assert load_documents(text.format("Sensor"), "f")[0].doc["spec"] == {"a": "y", "b": "n", "c": True}
    assert load_documents(text.format("Workflow"), "f")[0].doc["spec"] == {"a": True, "b": False, "c": True}


def test_json_is_read_as_json_even_where_it_is_no_yaml() -> None:
    document = load_documents('{"a":\t1.0, "b": "\\ud83d\\ude00", "c": "y"}', "f")[0]
    assert document.doc == {"a": 1, "b": "\U0001f600", "c": "y"}
    with_lines = load_documents('{\n "a": {\n  "b": 1}}', "f")[0]
    assert with_lines.line("a.b") == 3


@given(st.dictionaries(KEYS, TREES, min_size=1, max_size=4).filter(lambda doc: "items" not in doc and "kind" not in doc))
def test_what_is_dumped_is_read_back(doc: dict[str, Any]) -> None:
    assert [each.doc for each in load_documents(dump(doc), "f")] == [doc]
    assert [each.doc for each in load_documents(json.dumps(doc), "f")] == [doc]


def test_a_dump_of_several_is_several_documents_in_block_style() -> None:
    assert dump([{"a": "y", "b": "two\nlines\n"}, {"c": []}]) == "a: 'y'\nb: |\n  two\n  lines\n---\nc: []\n"
