from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localargo.expressions import ExpressionError
from localargo.expressions.rawjson import Number, loads
from localargo.expressions.tags import AbsentValue, Tag, UnresolvedTag, explode, substitute, tags

SCOPE = {
    "workflow.name": "wf-1",
    "workflow.parameters.n": "41",
    "workflow.parameters.path": 'a/b "c"\n<d>',
    "workflow.labels.example.com/model": "delay",
    "inputs.parameters.my-param": "5",
    "item": "x",
}


def test_plain_tags_in_values_and_keys_of_a_tree() -> None:
    tree = {"a {{item}}": ["{{workflow.name}}", {"b": "{{ workflow.parameters.n }}-{{item}}"}], "c": 5, "d": None, "e": True}
    assert substitute(tree, SCOPE) == {"a x": ["wf-1", {"b": "41-x"}], "c": 5, "d": None, "e": True}
    assert tree["c"] == 5
    assert "a {{item}}" in tree


def test_a_value_goes_in_as_it_is() -> None:
    assert substitute("[{{workflow.parameters.path}}]", SCOPE) == '[a/b "c"\n<d>]'
    assert substitute("{{workflow.labels.example.com/model}}", SCOPE) == "delay"


def test_what_a_value_brings_is_not_expanded_in_the_same_pass() -> None:
    scope = {"a": "{{b}} {{=1+1}}", "b": "B"}
    once = substitute("{{a}}", scope)
    assert once == "{{b}} {{=1+1}}"
    assert substitute(once, scope) == "B 2"


@pytest.mark.parametrize(
    "text", ["{{nope}}", "{{ column }}", "{{nope", "nope}}", "{{}}", "{{ {{ }} }}", "{ {item} }", "{{.Input.body}}", "{{ = item }}"]
)
def test_what_is_not_known_stays_as_it_is_written(text: str) -> None:
    assert substitute(text, SCOPE) == text


def test_nested_tags_are_resolved_from_inside_one_a_pass() -> None:
    scope = {"inputs.parameters.which": "n", "workflow.parameters.n": "41"}
    once = substitute("{{workflow.parameters.{{inputs.parameters.which}}}}", scope)
    assert once == "{{workflow.parameters.n}}"
    assert substitute(once, scope) == "41"


def test_strict_prefixes_must_resolve() -> None:
    scope = {"tasks.a.status": "Succeeded"}
    assert substitute("{{tasks.a.status}} {{tasks.ab.status}}", scope, strict=["tasks.a"]) == "Succeeded {{tasks.ab.status}}"
    with pytest.raises(UnresolvedTag, match=r"^failed to resolve \{\{tasks\.a\.outputs\.result\}\}$") as raised:
        substitute({"x": ["{{ tasks.a.outputs.result }}"]}, scope, strict=["tasks.a"])
    assert raised.value.name == "tasks.a.outputs.result"


def test_artifacts_may_stay_under_a_strict_prefix() -> None:
    text = "{{tasks.a.outputs.artifacts.model}}"
    assert substitute(text, {}, strict=["tasks"]) == text
    with pytest.raises(UnresolvedTag):
        substitute(text, {}, strict=["*"])


def test_everything_is_strict_with_a_star() -> None:
    with pytest.raises(UnresolvedTag):
        substitute("{{item.x}}", SCOPE, strict=["*"])


def test_an_absent_optional_is_an_error_in_a_plain_tag_and_nil_in_an_expression() -> None:
    scope = {"tasks.a.outputs.parameters.o": None}
    with pytest.raises(AbsentValue, match="output is an absent optional") as raised:
        substitute("{{tasks.a.outputs.parameters.o}}", scope)
    assert raised.value.name == "tasks.a.outputs.parameters.o"
    assert substitute("{{=tasks.a.outputs.parameters.o ?? 'none'}}", scope) == "none"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{=asInt(workflow.parameters.n) + 1}}", "42"),
        ("{{= asInt(inputs.parameters['my-param']) * 2 }}", "10"),
        ("{{=asFloat(workflow.parameters.n) / 2}}", "20.5"),
        ("{{=1.0 * 3}}", "3"),
        ("{{=[1, 'a<b', nil]}}", '[1,"a\\u003cb",null]'),
        ("{{={b: 1, 'a': true} }}", '{"a":true,"b":1}'),
        ("{{='a<b' + \"c\"}}", "a<bc"),
        ("{{=item == 'x'}}", "true"),
        ("{{=1e21}}", "1e+21"),
        ("{{=workflow.parameters.path}}", 'a/b "c"\n<d>'),
        ("{{=sprig.trim('  t ')}}{{=sprig.upper('a')}}", "tA"),
    ],
)
def test_expression_tags(text: str, expected: str) -> None:
    assert substitute(text, SCOPE) == expected


def test_recorded_pool_by_retries() -> None:
    patch = '{"env":[{"name":"POOL","value":"{{= asInt(retries) >= 1 ? "on-demand" : "spot" }}"}]}'
    assert '"value":"spot"' in substitute(patch, {"retries": "0"})
    assert '"value":"on-demand"' in substitute(patch, {"retries": "1"})
    assert substitute(patch, {}) == patch


def test_recorded_guards_for_an_absent_task() -> None:
    text = "{{=tasks.evaluate?.outputs?.parameters?.scores ?? '[]'}}"
    assert substitute(text, {"tasks.fetch.status": "Succeeded"}) == "[]"
    assert substitute(text, {"tasks.evaluate.outputs.parameters.scores": "[1]"}) == "[1]"
    assert substitute(text, {}) == text


@pytest.mark.parametrize(
    "text",
    [
        "{{=nope}}",
        "{{=asInt('x')}}",
        "{{=item.x.y}}",
        "{{=nil}}",
        "{{=retries ?? 'a'}}",
        "{{=workflow.status == nil ? 'a' : 'b'}}",
    ],
)
def test_an_expression_without_a_value_stays_when_nothing_is_strict(text: str) -> None:
    assert substitute(text, SCOPE) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{=tasks.b.status}}", "failed to evaluate expression: tasks.b is missing"),
        ("{{=1 +}}", r"^failed to evaluate expression: unexpected token EOF \(1:3\)\n \| 1 \+\n \| \.\.\^$"),
        ("{{=asInt('x')}}", r"failed to evaluate expression: invalid operation: int\(x\)"),
        ("{{=nil}}", '^failed to evaluate expression "nil"$'),
        ('{{= {"a": nil}["a"]}}', r'^failed to evaluate expression " \{\\\\\\"a\\\\\\": nil\}\[\\\\\\"a\\\\\\"\]"$'),
    ],
)
def test_an_expression_without_a_value_is_an_error_when_something_is_strict(text: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        substitute(text, SCOPE, strict=["tasks.b"])


def test_what_is_no_expression_is_an_error_even_when_nothing_is_strict() -> None:
    with pytest.raises(ExpressionError, match=r"^failed to evaluate expression: unexpected token"):
        substitute("{{={'a': {'b': 1}}}}", SCOPE)


def test_a_missing_name_that_is_not_strict_leaves_the_expression() -> None:
    text = "{{=asInt(steps.later.outputs.result) + 1}}"
    assert substitute(text, SCOPE, strict=["tasks.b"]) == text


def test_typed_extras() -> None:
    item: Any = loads('{"lr": 1e-05, "n": [1, 2]}')
    assert isinstance(item["lr"], Number)
    assert substitute("{{=item.lr * 2}} {{=len(item.n)}} {{item}}", {"item": "text"}, env={"item": item}) == "0.00002 2 text"


def test_explode() -> None:
    assert explode({"a.b.c": "1", "a.d": "2", "e": None}) == {"a": {"b": {"c": "1"}, "d": "2"}, "e": None}
    assert explode({"a": "1", "a.b": "2"}) == explode({"a.b": "2", "a": "1"}) == {"a": {"b": "2"}}


def test_tags_of_a_tree() -> None:
    tree = {"x": ["{{ a.b }} {{=c + 1}}", {"{{k}}": "no"}], "y": "{{p.{{q}}}}", "z": "{{open"}
    assert list(tags(tree)) == [
        Tag("a.b", False, "x[0]"),
        Tag("c + 1", True, "x[0]"),
        Tag("k", False, "x[1].{{k}}"),
        Tag("q", False, "y"),
    ]


@given(st.text(alphabet="{}=abc .'\"\\", max_size=40))
def test_any_text_comes_back_without_scope(text: str) -> None:
    assert "{{=" in text or substitute(text, {}) == text
    list(tags(text))


@given(
    st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20),
    st.text(alphabet="ab{}= ", max_size=20),
    st.text(alphabet="xyz", max_size=5),
)
def test_a_value_replaces_exactly_its_tag(value: str, before: str, after: str) -> None:
    before = before.replace("{{", "")
    if not before.endswith("{"):
        assert substitute(f"{before}{{{{name}}}}{after}", {"name": value}) == before + value + after


@pytest.mark.parametrize("value", ["\x1b[0m", "a\x00", "\x7f"])
def test_a_value_that_go_cannot_write_into_json_is_an_error(value: str) -> None:
    with pytest.raises(ExpressionError, match=r"^cannot finish template replacement because the result was invalid JSON$"):
        substitute("{{v}}", {"v": value})
    assert substitute("{{v}}", {"v": "\t\r\n\x08\x0c\u00a0"}) == "\t\r\n\x08\x0c\u00a0"


def test_what_sprig_does_not_have_leaves_the_expression() -> None:
    for text in ("{{=sprig.nope('x')}}", "{{=sprig.env('HOME')}}"):
        assert substitute(text, {}, strict=["steps"]) == text


def test_what_is_no_json_leaves_the_expression_or_is_an_error() -> None:
    assert substitute("{{=1 / 0}}", {}) == "{{=1 / 0}}"
    with pytest.raises(ExpressionError, match=r"^failed to marshal evaluated expression: json: unsupported value: \+Inf$"):
        substitute("{{=1 / 0}}", {}, strict=["steps"])


def test_a_time_is_written_without_quotes() -> None:
    assert substitute("{{=sprig.toDate('2006-01-02', '2024-01-02')}}", {}) == "2024-01-02T00:00:00Z"


def test_an_expression_is_shown_as_it_was_written() -> None:
    with pytest.raises(ExpressionError, match=r"^failed to evaluate expression \"1 > 2 \? 'x' : nil\"$"):
        substitute("{{=1 > 2 ? 'x' : nil}}", {}, strict=["steps"])
