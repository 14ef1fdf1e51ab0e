"""`transform.jq`: the event's data becomes the program's first output."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localargo.errors import InvalidInput, Unsupported
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


def test_lua_is_refused_with_the_way_out() -> None:
    with pytest.raises(Unsupported, match="write the transform in jq"):
        transform({"script": "return event"}, b"{}")


def test_the_environment_of_the_engine_stays_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "do-not-tell")
    assert "do-not-tell" not in jq("{a: [env, $ENV, ([paths] | length)]}", "{}")


VALUES = st.recursive(st.none() | st.booleans() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v), max_leaves=10)


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_the_identity_changes_nothing(value: dict[str, Any]) -> None:
    assert json.loads(jq(".", json.dumps(value))) == value
