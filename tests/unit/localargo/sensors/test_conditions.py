"""Conditions: which dependencies must have had an event."""

import pytest

from localargo.errors import InvalidInput
from localargo.sensors.conditions import read

NAMES = ["a", "b-c", "d", "and", "1st"]


@pytest.mark.parametrize(
    ("text", "keeps", "names", "holds"),
    [
        ("a", False, ("a",), {"a": True, "b-c": False}),
        ("a && b-c", True, ("a", "b-c"), {"a": False, "a b-c": True}),
        ("a || b-c", False, ("a", "b-c"), {"a": True, "b-c": True}),
        ("(a && b-c) || d", True, ("a", "b-c", "d"), {"d": True, "a": False, "a b-c": True, "": False}),
        ("a && (b-c || d)", True, ("a", "b-c", "d"), {"a d": True, "b-c d": False}),
        ("1st&&a", True, ("1st", "a"), {"1st a": True, "1st": False}),
        ("a && a", True, ("a",), {"a": True}),
    ],
)
def test_an_expression_over_dependencies(text: str, keeps: bool, names: tuple[str, ...], holds: dict[str, bool]) -> None:
    found = read({"conditions": text}, NAMES)
    assert (found.joins, found.names) == (keeps, names)
    for there, expected in holds.items():
        assert found.hold(there.split()) is expected, there


def test_without_conditions_all_dependencies_are_asked_for() -> None:
    found = read({}, ["a", "b"])
    assert (found.names, found.joins, found.hold(["a"]), found.hold(["a", "b"])) == (("a", "b"), True, False, True)
    alone = read({"conditions": ""}, ["a"])
    assert (alone.names, alone.joins, alone.hold(["a"])) == (("a",), False, True)


@pytest.mark.parametrize(("text", "words"), [("a && x", "'x' is not a dependency"), ("and", "operator"), ("b", "not a dependency")])
def test_what_never_holds_is_told(text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        read({"conditions": text}, NAMES)


@pytest.mark.parametrize("text", ["a &&", "(a", "a b-c", "a & b-c"])
def test_what_cannot_be_read_is_told(text: str) -> None:
    with pytest.raises(InvalidInput, match="conditions"):
        read({"conditions": text}, NAMES)
