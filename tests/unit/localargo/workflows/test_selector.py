"""Label selectors."""

from __future__ import annotations

import pytest

from localargo.errors import InvalidInput
from localargo.workflows.selector import parse, selects

LABELS = {"phase": "Running", "n": "5", "example.com/done": "true", "name": "w"}


@pytest.mark.parametrize(
    ("selector", "true"),
    [
        ("phase == Running", True),
        ("phase = Failed", False),
        ("phase!=Failed", True),
        ("missing != Failed", True),
        ("phase in (Failed, Running)", True),
        ("phase notin (Failed,Error)", True),
        ("n > 4", True),
        ("n < 5", False),
        ("name > 4", False),
        ("phase", True),
        ("!phase", False),
        ("! missing", True),
        ("example.com/done == true", True),
        ("phase == Running, name == w", True),
        ("phase == Running,name == v", False),
        ("name in (v,w), !missing, n", True),
        ("phase=", False),
        ("missing in ()", False),
        ("", True),
        (" ", True),
    ],
)
def test_what_labels_are_selected(selector: str, true: bool) -> None:
    assert selects(parse(selector), LABELS) is true


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("a is b", "cannot read 'a is b'; write a=b, a!=b, a in (b,c)"),
        ("a == ,== b", "cannot read '== b'"),
        ("== b", "cannot read '== b'"),
        ("a == b c", "cannot read 'a == b c'"),
        ("!", "cannot read '!'"),
        ("a in b", "cannot read 'a in b'"),
        ("a in (b", "cannot read 'a in (b'"),
        ("a,", "cannot read 'a,'"),
        ("a > b", "> compares with an integer, 'b' is none"),
        ("a in (b c)", "'b c' is no part of a label"),
        ("-a", "'-a' is no part of a label"),
        (f"a={'b' * 64}", "is no part of a label"),
    ],
)
def test_a_selector_that_is_none(selector: str, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse(selector)
    assert message in str(refused.value)
