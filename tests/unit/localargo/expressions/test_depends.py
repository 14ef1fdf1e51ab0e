from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localargo.expressions import ExpressionError
from localargo.expressions.depends import DEFAULT, RESULTS, parse_depends

STATES = {
    "ok": {"Succeeded": True},
    "bad": {"Failed": True},
    "skip": {"Skipped": True},
    "after-bad": {"Omitted": True},
    "fan": {"Failed": True, "AnySucceeded": True, "AllFailed": False},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ok", True),
        ("bad", False),
        ("bad.Failed", True),
        ("skip.Skipped && ok.Succeeded", True),
        ("skip", True),
        ("bad.Succeeded || ok", True),
        ("!ok", False),
        ("after-bad", False),
        ("after-bad || after-bad.Omitted", True),
        ("fan.AnySucceeded", True),
        ("fan.AllFailed", False),
        ("(bad || bad.Failed) && (after-bad || after-bad.Omitted) && !bad.Errored", True),
        ("ok || bad && bad", True),
        ("!(ok && bad)", True),
        ("!!ok", True),
    ],
)
def test_recorded_conditions(text: str, expected: bool) -> None:
    assert parse_depends(text).evaluate(STATES) is expected


def test_names_in_order_and_their_results() -> None:
    found = parse_depends("(next || next.Omitted) && peek-1.Failed && next && fan.AnySucceeded")
    assert found.names == ("next", "peek-1", "fan")
    assert found.items == {"fan"}
    assert found.results == {"next": {*DEFAULT, "Omitted"}, "peek-1": {"Failed"}, "fan": {"AnySucceeded"}}


def test_continue_on_widens_what_a_name_alone_means() -> None:
    assert parse_depends("bad").evaluate(STATES, {"bad": (*DEFAULT, "Failed")}) is True


@pytest.mark.parametrize(
    ("text", "message", "position"),
    [
        ("a.Nope", "task result 'Nope' for task 'a' is invalid", 0),
        ("a &&", "unexpected end", 4),
        ("a b", "unexpected 'b' at 3", 2),
        ("(a", "unexpected end", 2),
        ("a)", r"unexpected '\)' at 2", 1),
        ("a & b", "unexpected '&' at 3", 2),
        ("", "unexpected end", 0),
        ("a && || b", "unexpected '||' at 6".replace("|", r"\|"), 5),
    ],
)
def test_errors(text: str, message: str, position: int) -> None:
    with pytest.raises(ExpressionError, match=message) as raised:
        parse_depends(text)
    assert raised.value.position == position


def test_a_task_without_result_is_an_error() -> None:
    with pytest.raises(ExpressionError, match="unknown name gone"):
        parse_depends("gone").evaluate({})


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(ExpressionError, match="nests deeper"):
        parse_depends("(" * 5000 + "a" + ")" * 5000)


Pair = tuple[str, bool]  # a condition and what it must come to in STATES


def leaf(name: str, result: str) -> Pair:
    words = (result,) if result else DEFAULT
    return f"{name}.{result}".rstrip("."), any(STATES[name].get(word, False) for word in words)


PAIRS: st.SearchStrategy[Pair] = st.recursive(
    st.builds(leaf, st.sampled_from(sorted(STATES)), st.sampled_from(["", *RESULTS])),
    lambda inner: (
        st.builds(lambda a, b: (f"({a[0]} && {b[0]})", a[1] and b[1]), inner, inner)
        | st.builds(lambda a, b: (f"({a[0]}||{b[0]})", a[1] or b[1]), inner, inner)
        | st.builds(lambda a: (f"!({a[0]})", not a[1]), inner)
    ),
    max_leaves=12,
)


@given(PAIRS)
def test_means_what_its_parts_mean(pair: Pair) -> None:
    assert parse_depends(pair[0]).evaluate(STATES) is pair[1]
