from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from localargo.expressions import ExpressionError, exprlang
from localargo.expressions.rawjson import Number, dumps, loads_go

VECTORS = json.loads((Path(__file__).parent / "vectors" / "expr.json").read_text(encoding="utf-8"))
ENV = loads_go(json.dumps(VECTORS["env"]))


def value(text: str, **env: Any) -> Any:
    return exprlang.compile(text).evaluate(env)


@pytest.mark.parametrize("row", VECTORS["rows"], ids=lambda row: row["text"])
def test_gives_what_the_go_library_gives(row: dict[str, Any]) -> None:
    if "error" in row:
        with pytest.raises(ExpressionError):
            dumps(exprlang.compile(row["text"]).evaluate(ENV))
    else:
        assert dumps(exprlang.compile(row["text"]).evaluate(ENV), html=True) == row["out"]


RECORDED = {"workflow": {"parameters": {"n": "41", "s": "Data Set", "j": '{"a": [{"v": 1}, {"v": 2}], "name": "x"}'}}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("asInt(workflow.parameters.n) + 1", 42),
        ("asFloat(workflow.parameters.n) / 2", 20.5),
        ("sprig.lower(sprig.replace(' ', '-', workflow.parameters.s))", "data-set"),
        ("workflow.parameters.n == '41' ? 'yes' : 'no'", "yes"),
        ("toJson(map([1, 2, 3], {# * 2}))", "[2,4,6]"),
        ("toJson(filter(fromJSON(workflow.parameters.j).a, {.v > 1}))", '[{"v":2}]'),
        ("sprig.sha256sum('abc')", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ],
)
def test_recorded_expression_tags(text: str, expected: Any) -> None:
    found = exprlang.compile(text).evaluate(RECORDED)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("code", "retries", "again"), [("143", "5", True), ("75", "0", True), ("75", "1", True), ("75", "2", False), ("65", "0", False)]
)
def test_recorded_retry_budget(code: str, retries: str, again: bool) -> None:
    text = "asInt(lastRetry.exitCode) == 143 || (asInt(lastRetry.exitCode) == 75 && asInt(retries) < 2)"
    assert exprlang.holds(text, {"lastRetry": {"exitCode": code}, "retries": retries}) is again


@pytest.mark.parametrize(("n", "kind", "passes"), [(10, None, True), (1, None, False), (10, "test", False), (None, None, None)])
def test_recorded_source_filter(n: int | None, kind: str | None, passes: bool | None) -> None:
    body = {key: item for key, item in (("n", n), ("kind", kind)) if item is not None}
    text = "body.n > 5 && (body.kind ?? 'none') != 'test'"
    if passes is None:
        with pytest.raises(ExpressionError, match="<nil> > int"):
            exprlang.holds(text, {"body": body})
    else:
        assert exprlang.holds(text, {"body": body}) is passes


def test_recorded_conditional_output() -> None:
    text = "tasks['next'].status == 'Succeeded' ? tasks['next'].outputs.parameters.winner : tasks['select'].outputs.parameters.winner"
    tasks = {"next": {"status": "Skipped"}, "select": {"outputs": {"parameters": {"winner": "t5"}}}}
    assert value(text, tasks=tasks) == "t5"


def test_an_absent_task_is_caught_by_optional_steps() -> None:
    assert value("tasks.gone?.outputs?.parameters?.o ?? 'none'", tasks={}) == "none"


def test_names() -> None:
    program = exprlang.compile("asInt(inputs.parameters['a-b']) + len(tasks.x?.outputs?.o ?? tasks.y.z) + sprig.add(1, item)")
    assert program.names >= {"inputs.parameters.a-b", "tasks.y.z", "item"}
    assert "tasks.y.z" in program.required
    assert "tasks.x" not in program.required
    assert not {name for name in program.names if name.startswith(("asInt", "sprig", "len"))}


def test_guarded_members_are_not_required() -> None:
    assert "a.b" not in exprlang.compile("a.b ?? 1").required
    assert "a.b" in exprlang.compile("a.b + 1").required


def test_let_variables_are_not_names() -> None:
    assert exprlang.compile("let x = a.b; x + 1").names == {"a.b"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 +", r"unexpected token EOF \(1:3\)"),
        ("foo.", r"unexpected end of expression \(1:4\)"),
        ("'abc", r"literal not terminated \(1:5\)"),
        ("0X10G", r'bad number syntax: "0X10G" \(1:5\)'),
        ("{-}", r"a map key must be a quoted string, .* enclosed in parentheses \(unexpected token Operator\(\"-\"\)\) \(1:2\)"),
        ("{foo:1, bar:2, ,}", r'unexpected token Operator\(","\) \(1:16\)'),
        ("map(ls, 1; 2; 3)", r"wrap predicate with brackets \{ and \} \(1:10\)"),
        ("a b", r'unexpected token Identifier\("b"\) \(1:3\)'),
        ("nope", r"unknown name nope \(1:1\)"),
        ("1 +\n nope", r"unknown name nope \(2:2\)"),
        ("'a' > 1", r"mismatched types string and int\) \(1:5\)"),
        ("a.b.c", "cannot fetch c from <nil>"),
        ("asInt('x')", r"invalid operation: int\(x\)"),
        ("1 ?? 2 + 3", "cannot be mixed"),
    ],
)
def test_errors_say_what_and_where(text: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message) as raised:
        value(text, a={})
    assert raised.value.position is not None


def test_a_type_error_is_found_in_a_branch_that_is_not_taken() -> None:
    with pytest.raises(ExpressionError, match="mismatched types string and int"):
        value("true || retries > 1", retries="0")


@pytest.mark.parametrize("name", ["__class__", "__dict__", "keys", "mro", "items", "__init__.__globals__"])
def test_nothing_of_python_is_reachable(name: str) -> None:
    assert value(f"m['{name}']", m={}) is None
    for text in (f"m.{name}", f"l.{name}", f"s.{name}", f"(1).{name}", f"m.{name}()", f"l.{name}()", f"sprig.{name}", f"toJson.{name}"):
        try:
            found = value(text, m={}, l=[], s="x")
        except ExpressionError:
            continue
        assert found is None


@pytest.mark.parametrize(
    "text",
    [
        "1..100000000",
        "map(1..100000, map(1..100000, #))",
        "repeat('x', 1000000000)",
        "reduce(1..10000, #acc + #acc, 'x')",
        "sprig.repeat(100000000, 'x')",
        "sprig.until(100000000)",
        "replace(repeat('a', 100000), 'a', repeat('b', 100000))",
        "reduce(1..100, concat(#acc, #acc), [1])",
        "let a = 1..100000; all(a, # in a)",
        "(" * 500 + "1" + ")" * 500,
        "[" * 5000,
        "-" * 5000 + "1",
        "!" * 100_000 + "t",
        "1" + "+1" * 50_000,
        "m" + ".a" * 10_000,
        "1 | " * 3000 + "string()",
        "true ? " * 3000 + "1",
    ],
    ids=lambda text: text[:40],
)
def test_hostile_expressions_end_with_an_error(text: str) -> None:
    with pytest.raises(ExpressionError):
        value(text, t=True, m={})


def test_a_hostile_pattern_cannot_hang() -> None:
    assert value("repeat('a', 50000) matches '(a+)+$b'") is False


def test_long_chains_of_one_operator_are_fine() -> None:
    assert value("1" + " + 1" * 3000) == 3001
    assert value("t" + " && t" * 3000, t=True) is True


def test_raw_numbers_of_the_environment_are_numbers() -> None:
    assert value("item.lr * 2", item={"lr": Number("1e-05")}) == 2e-05
    assert value("sum(item)", item=[Number("1"), Number("2")]) == 3
    assert value("item.lr", item={"lr": Number("1.0")}) == 1.0


def test_integers_wrap_as_in_go() -> None:
    assert value("9223372036854775807 + 1") == -(2**63)
    assert value("x * x", x=2**62) == 0


def test_bool_and_number_are_different_types() -> None:
    assert value("[true] == [1]") is False
    assert value("1 in [true]") is False
    with pytest.raises(ExpressionError):
        value("true + 1")


def test_the_result_of_a_condition_must_be_a_bool() -> None:
    with pytest.raises(ExpressionError, match=r"^unable to cast expression result 'x' to bool$"):
        exprlang.holds("'x'", {})
    with pytest.raises(ExpressionError, match=r"^unable to cast expression result '%!s\(int=3\)' to bool$"):
        exprlang.holds("3", {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.b == 'x' || c", "unknown name c (1:15)\n | a.b == 'x' || c\n | ..............^"),
        ("a.b ==\n  ", "unexpected token EOF (2:2)\n |   \n | .^"),
        ("true &&\na.x.y", "unable to evaluate expression 'true &&\na.x.y': cannot fetch y from <nil> (2:5)\n | a.x.y\n | ....^"),
    ],
)
def test_a_condition_that_cannot_be_decided_is_told_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as told:
        exprlang.holds(text, {"a": {"b": "y"}})
    assert str(told.value) == message


@pytest.mark.parametrize("text", ["now()", "1 + date('2024-03-10').Unix()", "duration('1h')", "timezone('UTC')", "bitand(6, 3)"])
def test_functions_that_are_not_here_are_refused_by_name(text: str) -> None:
    with pytest.raises(ExpressionError, match=r"^(now|date|duration|timezone|bitand) is not supported: ") as refused:
        exprlang.compile(text)
    assert str(refused.value).endswith("(1:5)" if text.startswith("1") else "(1:1)")


def test_json_is_read_by_a_path() -> None:
    assert value("jsonpath('{\"a\": [0, {\"v\": 2.0}]}', '$.a[1].v')") == 2.0
    for text, message in (
        ("'{}', 5", "takes a JSON text and a path"),
        ("'{}', '$.a'", r"nothing at \$\.a"),
        ("'[]', '$[*]'", "is not supported"),
    ):
        with pytest.raises(ExpressionError, match=message):
            value(f"jsonpath({text})")


def test_times_that_are_given() -> None:
    assert value("sprig.toDate('2006-01-02', '2024-03-10').Format('2006-01-02T15:04:05Z07:00')") == "2024-03-10T00:00:00Z"
    assert value("sprig.toDate('2006-01-02', '2024-03-10') > sprig.toDate('2006-01-02', '2024-03-09')") is True


def test_compiling_is_cached() -> None:
    assert exprlang.compile("1 + 1") is exprlang.compile("1 + 1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-(2.5)", -2.5),
        ("0.0 / 0.0 == 0.0", False),
        ("2 ** -1", 0.5),
        ("10 ** 400 > 1e308", True),
        ("(-8) ** 0.5 == 0", False),
        ("2.5 * 2", 5.0),
        ("'abcdef'[-3:-1]", "de"),
        ("split('a,b,c', ',', 0)", []),
        ("split('abc', '', 2)", ["a", "bc"]),
        ("get('x', 1)", None),
        ("last([])", None),
        ("map(['a'], upper(#))", ["A"]),
        ("sortBy([3, 1, 2], -#)", [3, 2, 1]),
        ("groupBy([1, 2, 3], # % 2 == 0 ? 'even' : 'odd')", {"odd": [1, 3], "even": [2]}),
        ("fromPairs([['a', 1]])", {"a": 1}),
        ("::len('abc')", 3),
        ("sum([0.5, 1])", 1.5),
        ("flatten([[1, [2]], [], 3])", [1, 2, 3]),
        ("{(1 == 1 ? 'a' : 'b'): 2}.a", 2),
        ("let x = 1;\n// comment\nx /* more */ + 1", 2),
        ("1; 2; 3", 3),
        ("'a' in ['a'] && 'k' in {'k': 1} && not ('z' in {'k': 1})", True),
    ],
)
def test_more_values(text: str, expected: Any) -> None:
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fromJSON('\"x\"') - 1", "string - int"),
        ("fromJSON('1.5') % 2", "float64 % int"),
        ("fromJSON('[1]').a", r"int\(string\)"),
        ("fromJSON('5')[0]", "cannot fetch 0 from float64"),
        ("fromJSON('5')[0:1]", "cannot slice float64"),
        ("[1][fromJSON('\"a\"'):]", "an index is not a number"),
        ("5 in fromJSON('\"x\"')", 'operator "in" not defined on string'),
        ("fromJSON('1') contains 'x'", "is float64, not string"),
        ("fromJSON('1') && true", "is float64, not bool"),
        ("fromJSON('null') ? 1 : 2", "is nil, not bool"),
        ("-fromJSON('\"a\"')", "invalid operation: - string"),
        ("map(5, #)", "takes only array"),
        ("filter([1], #)", "predicate should return boolean"),
        ("count([1])", "predicate should return boolean"),
        ("sum(['a'])", r"int \+ string"),
        ("reduce([], #acc + #)", "no initial value"),
        ("sortBy([1], #, 'up')", "unknown order"),
        ("sort([1], 'up')", "invalid order"),
        ("sort([1, 'a'])", "invalid operation"),
        ("map([1], #nope)", "unknown pointer #nope"),
        ("fromPairs([1])", "invalid pair"),
        ("concat()", "expected at least 1"),
        ("concat([1], 2)", "cannot concat int"),
        ("max()", "not enough arguments"),
        ("max('a')", "invalid argument for max"),
        ("upper()", "invalid number of arguments for upper"),
        ("upper(fromJSON('1'))", "invalid argument for upper"),
        ("join([1])", "not string"),
        ("repeat('a', -1)", "expected positive integer"),
        ("toJson()", "expected 1, got 0"),
        ("{(1): 2}", "not string"),
        ("b'ab'", "byte literals are not supported"),
        ("'\\q'", "invalid char escape"),
        ("'\\ud800'", "unable to unescape"),
        ("`abc", "literal not terminated"),
        ("/* abc", "unclosed comment"),
        ("1e", "invalid float literal: strconv.ParseFloat"),
        ("12ab", "bad number syntax"),
        ("1 ~ 2", "unrecognized character"),
        ("filter([1])", "expected at least 2 arguments"),
        ("a not b", "unexpected token"),
        ("a.5", "unexpected token"),
        ("a.(b)", "expected name"),
        ("{5.5}", "unexpected token"),
        ("{[1]: 2}", "a map key must be"),
        ("(1)()", "unexpected token"),
        ("let x 5; x", "unexpected token"),
        ("true ? 1", "unexpected token EOF"),
        ("'x' ? 1 : 2", "used as condition"),
        ("# + 1", "unexpected token"),
        ("let a = 1; a", "cannot redeclare a"),
    ],
)
def test_more_errors(text: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        value(text, a={})


def test_texts_that_are_too_long_are_refused() -> None:
    with pytest.raises(ExpressionError, match="longer than"):
        exprlang.compile("1" * 200_000)
