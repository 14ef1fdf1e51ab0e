from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from localargo.expressions import ExpressionError, govaluate
from localargo.expressions.gotext import go_value

FOLDER = Path(__file__).parent / "vectors"
BARE = json.loads((FOLDER / "when.json").read_text(encoding="utf-8"))
NAMED = json.loads((FOLDER / "govaluate.json").read_text(encoding="utf-8"))
ROWS = [pytest.param(row, None, id=row["text"]) for row in BARE["rows"]] + [
    pytest.param(row, NAMED["env"], id=f"named {row['text']}") for row in NAMED["rows"]
]


@pytest.mark.parametrize(("row", "variables"), ROWS)
def test_gives_what_the_go_library_gives(row: dict[str, Any], variables: dict[str, Any] | None) -> None:
    if "error" in row:
        with pytest.raises(ExpressionError) as raised:
            govaluate.evaluate(row["text"], variables)
        assert str(raised.value) == row["error"]
    else:
        assert go_value(govaluate.evaluate(row["text"], variables)) == row["out"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("true == true", True),
        ("true != true", False),
        ("heads == heads", True),
        ("'a/b-c.d' == 'a/b-c.d'", True),
        ("10 > 9", True),
        ("10 < 9", False),
        ("10 > 5 && 'heads' == 'heads'", True),
        ("10 > 50 || 'heads' == 'tails'", False),
        ("'heads' =~ '^he'", True),
        ("'heads' in ('heads', 'tails')", True),
        ("!(true == true)", False),
        ("1 == 2", False),
        ("0 > 0", False),
        ("yes == no && 2 < 3", False),
        ("no == no && 1 < 20", True),
        ("'already-trained' == 'train'", False),
        ("skip == train", False),
        ("Failed == Succeeded", False),
    ],
)
def test_recorded_when(text: str, expected: bool) -> None:
    assert govaluate.evaluate_when(text) is expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "already-trained == train",
            "Failed to evaluate 'when' expresion 'already-trained == train': "
            "Value 'already' cannot be used with the modifier '-', it is not a number",
        ),
        (
            "a === b",
            "Invalid 'when' expression 'a === b': Invalid token: '===' (hint: try wrapping the affected expression in quotes (\"))",
        ),
        ("a b", "Invalid 'when' expression 'a b': Cannot transition token types from VARIABLE [a] to VARIABLE [b]"),
        ("1 +", "Invalid 'when' expression '1 +': Unexpected end of expression"),
        ("!heads", "Failed to parse 'when' expression '!heads': Cannot transition token types from PREFIX [!] to STRING [heads]"),
        ("1 + 1", "Expected boolean evaluation for '1 + 1'. Got 2"),
        ("heads", "Expected boolean evaluation for 'heads'. Got heads"),
        ("'it's' == 'x'", "Invalid 'when' expression ''it's' == 'x'': Unclosed string literal"),
    ],
)
def test_messages_of_a_when_are_argos(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        govaluate.evaluate_when(text)
    assert str(raised.value) == message


def test_conditions_of_a_sensor() -> None:
    assert govaluate.evaluate("da && db", {"da": True, "db": False}) is False
    assert govaluate.evaluate("da || db", {"da": True, "db": False}) is True
    assert govaluate.names("(da || db_1) && !da") == ["da", "db_1"]
    with pytest.raises(ExpressionError, match="No parameter 'db' found"):
        govaluate.evaluate("da && db", {"da": True})


def test_hexadecimal_and_accessors() -> None:
    assert govaluate.evaluate("0x10 == 16") is True
    with pytest.raises(ExpressionError, match=r"Hanging accessor on token 'a\.'"):
        govaluate.evaluate("a. == 1")
    with pytest.raises(ExpressionError, match=r"Unable to access unexported field 'b' in token 'a\.b'"):
        govaluate.evaluate("a.b == 1")
    with pytest.raises(ExpressionError, match="'a' is not a struct"):
        govaluate.evaluate("a.B == 1", {"a": {"B": 1}})


@pytest.mark.parametrize("text", ["(" * 2000 + "1" + ")" * 2000, "(" * 100_000, "1" + " + 1" * 60_000], ids=lambda text: text[:10])
def test_hostile_texts_end_with_an_error(text: str) -> None:
    with pytest.raises(ExpressionError):
        govaluate.evaluate(text)


def test_long_chains_are_fine() -> None:
    assert govaluate.evaluate("true" + " && true" * 3000) is True


def test_a_hostile_pattern_cannot_hang() -> None:
    assert govaluate.evaluate("k =~ '(a+)+$'", {"k": "a" * 50_000 + "!"}) is False
