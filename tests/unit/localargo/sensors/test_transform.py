"""`transform`: the event's data becomes the first output of a jq program, or what a Lua script returns."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localargo.errors import InvalidInput
from localargo.sensors.transform import TransformFailed, transform


def jq(program: str, data: str) -> str:
    return transform({"jq": program}, data.encode()).decode()


@pytest.mark.parametrize(
    ("program", "data", "output"),
    [
        (".", '{"b":1.0,"a":[1e21,0.001,1e-7]}', '{"a":[1e+21,0.001,1e-7],"b":1}'),
        (".", '{"n":12345678901234567890}', '{"n":12345678901234567000}'),
        ("{w: (.t / 60 | floor)}", '{"t":1760000000}', '{"w":29333333}'),
        (".body", '{"body":{"k":"<&>"}}', '{"k":"\\u003c\\u0026\\u003e"}'),
        ("{a: 1}, {a: 2}", "{}", '{"a":1}'),
        (". # a comment", '{"a":null}', '{"a":null}'),
        ("{e: env, v: $ENV}", "{}", '{"e":{},"v":{}}'),
        ('{m: (.key | split("/")[1])}', '{"key":"incoming/flight-delay/x"}', '{"m":"flight-delay"}'),
        ('{t: ("2026-11-22T10:00:05Z" | fromdate)}', "{}", '{"t":1795341605}'),
        ("{s: .s}", '{"s":"\\"; $(id) {{x}} \\u0000"}', '{"s":"\\"; $(id) {{x}} \\u0000"}'),
        ("", '{ "as it": 1.0 }', '{ "as it": 1.0 }'),
    ],
)
def test_the_first_output_as_go_prints_it(program: str, data: str, output: str) -> None:
    assert jq(program, data) == output


@pytest.mark.parametrize(
    ("program", "data"),
    [
        (".a", '{"a":[1]}'),
        (".a", '{"a":"text"}'),
        ("empty", "{}"),
        ('error("x")', "{}"),
        (".a.b", '{"a":1}'),
        (".", "[1]"),
        (".", '"text"'),
        (".", "{broken"),
        ("halt", "{}"),
        ("input", "{}"),
        (".", '{"n":1e999}'),
    ],
)
def test_what_gives_no_object_drops_the_event(program: str, data: str) -> None:
    with pytest.raises(TransformFailed, match=r"transform\.jq"):
        jq(program, data)


@pytest.mark.parametrize("program", [".[", 'import "a" as a; .', 'include "a"; .', ") | (.", "nosuch"])
def test_a_program_that_is_none_is_told(program: str) -> None:
    with pytest.raises(InvalidInput, match=r"transform\.jq"):
        jq(program, "{}")


@pytest.mark.parametrize(
    ("script", "data", "output"),
    [
        ("return event", '{"b":1.0,"a":{"n":1e21,"t":true,"s":"<ż>"},"z":null}', '{"a":{"n":1e+21,"s":"\\u003cż\\u003e","t":true},"b":1}'),
        ("event.body.n = event.body.n * 2 return event", '{"body":{"n":0.25}}', '{"body":{"n":0.5}}'),
        ("return {model = event.key:match('^incoming/([%w-]+)/')}", '{"key":"incoming/flight-delay/x.csv"}', '{"model":"flight-delay"}'),
        ("return {one = event.l[1], all = event.l, none = {}}", '{"l":[1,null,[2],"x"]}', '{"all":[1,"x"],"none":{},"one":1}'),
        ("return {e = setmetatable({}, {__is_array = true})}", "{}", '{"e":[]}'),
        ("return {[2.5] = 1, [-1] = true}", "{}", '{"-1":true,"2.5":1}'),
        ("local t = {} t[3] = 'c' return t", "{}", '[null,null,"c"]'),
    ],
)
def test_a_script_returns_the_table_that_the_event_becomes(script: str, data: str, output: str) -> None:
    assert transform({"script": script}, data.encode()).decode() == output


@pytest.mark.parametrize(
    ("script", "data", "words"),
    [
        ("return 1", "{}", "must return a table"),
        ("event.a = 1", "{}", "must return a table"),
        ("return event", "[1]", "must be an object"),
        ("return event", "{broken", "invalid character"),
        ("return {f = print}", "{}", "function"),
        ("return {n = 1 / 0}", "{}", "inf"),
        ("while true do end", "{}", "steps"),
        ("return os.getenv('HOME')", "{}", "global 'os'"),
    ],
)
def test_a_script_that_gives_no_table_drops_the_event(script: str, data: str, words: str) -> None:
    with pytest.raises(TransformFailed, match=rf"transform\.script: .*{words}"):
        transform({"script": script}, data.encode())


def test_the_environment_of_the_engine_stays_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "do-not-tell")
    assert "do-not-tell" not in jq("{a: [env, $ENV, ([paths] | length)]}", "{}")


VALUES = st.recursive(st.none() | st.booleans() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v), max_leaves=10)


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_the_identity_changes_nothing(value: dict[str, Any]) -> None:
    assert json.loads(jq(".", json.dumps(value))) == value
