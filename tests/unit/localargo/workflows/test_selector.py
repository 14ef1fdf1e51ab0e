"""Label selectors over documents."""

from __future__ import annotations

import pytest

from localargo.errors import InvalidInput
from localargo.workflows.selector import parse

DOC = {"kind": "Workflow", "metadata": {"name": "w", "labels": {"n": "5"}}, "status": {"phase": "Running", "done": True}}


@pytest.mark.parametrize(
    ("condition", "true"),
    [
        ("status.phase == Running", True),
        ("status.phase = Failed", False),
        ("status.phase != Failed", True),
        ("status.missing != Failed", True),
        ("status.phase in (Failed, Running)", True),
        ("status.phase notin (Failed,Error)", True),
        ("metadata.labels.n > 4", True),
        ("metadata.labels.n < 5", False),
        ("metadata.name > 4", False),
        ("status.phase", True),
        ("!status.phase", False),
        ("!status.missing", True),
        ("status.done == true", True),
        ("status.phase == Running, metadata.name == w", True),
        ("status.phase == Running,metadata.name == v", False),
        ("", True),
    ],
)
def test_conditions_are_selectors_on_fields(condition: str, true: bool) -> None:
    assert all(c.holds(DOC) for c in parse(condition)) is true


@pytest.mark.parametrize(
    ("condition", "shown"),
    [
        ("b == 1, a in (z,y,z), !c, d", ["{a in [y z]}", "{b == [1]}", "{c ! []}", "{d exists []}"]),
        ("n>5,m != ,k=x", ["{k = [x]}", "{m != []}", "{n gt [5]}"]),
        ("a in ()", ["{a in []}"]),
    ],
)
def test_conditions_are_shown_as_go_prints_them(condition: str, shown: list[str]) -> None:
    assert [str(c) for c in parse(condition)] == shown


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("a is b", "unable to parse requirement: found 'is', expected: in, notin, =, ==, !=, gt, lt"),
        ("a == ,== b", "found '==', expected: identifier after ','"),
        ("== b", "found '==', expected: !, identifier, or 'end of string'"),
        ("a == b c", "found 'c', expected: ',' or 'end of string'"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("a in b", "unable to parse requirement: found 'b', expected: '('"),
        ("a in (b", "unable to parse requirement: found '', expected: ',', or ')'"),
        ("a in (b c)", "unable to parse requirement: found 'c', expected: ',', or ')'"),
        (
            "a > b",
            "unable to parse requirement: values[0][a]: Invalid value: \"b\": for 'Gt', 'Lt' operators, the value must be an integer",
        ),
    ],
)
def test_a_selector_that_is_none(condition: str, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse(condition)
    assert str(refused.value) == message
