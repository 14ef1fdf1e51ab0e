import json
from datetime import UTC, datetime, timedelta

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.display import output


@pytest.mark.parametrize(
    ("spent", "told"),
    [
        (-3, "0s"), (0, "0s"), (0.44, "0.4s"), (9.5, "9.5s"), (7, "7s"), (5.02, "5s"), (9.96, "9s"), (12.7, "12s"),
        (60, "1m"), (184, "3m4s"),
        (3600, "1h"), (7500, "2h5m"), (86400, "1d"), (273600, "3d4h"),
    ],
)  # fmt: skip
def test_a_span_is_told_in_its_two_largest_units(spent: float, told: str) -> None:
    assert output.ago(spent) == told


@given(st.integers(10, 10**8))
def test_what_is_told_of_a_span_is_never_more_than_it_and_less_by_under_a_twenty_fourth(spent: int) -> None:
    sizes = {"d": 86400, "h": 3600, "m": 60, "s": 1}
    told, number = 0, ""
    for letter in output.ago(spent):
        if letter.isdigit():
            number += letter
        else:
            told, number = told + int(number) * sizes[letter], ""
    assert told <= spent
    assert spent - told < max(1, spent / 24)


def test_a_duration_ends_now_where_it_has_no_end_and_is_empty_where_it_has_no_start() -> None:
    assert output.duration("2026-01-01T00:00:00Z", "2026-01-01T00:02:00Z") == "2m"
    assert output.duration(None, None) == ""
    hours = (datetime.now(UTC) - timedelta(hours=5, minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert output.age(hours).startswith("5h")
    assert output.seconds("1970-01-01T00:01:00Z") == 60
    assert output.seconds("") is None


def test_documents_are_printed_as_json_and_yaml(capsys: pytest.CaptureFixture[str]) -> None:
    output.emit({"a": ["é", 1]}, "json")
    told = capsys.readouterr().out
    assert json.loads(told) == {"a": ["é", 1]}
    assert "é" in told
    output.emit([{"a": 1}, {"a": 2}], "yaml")
    assert capsys.readouterr().out == "- a: 1\n- a: 2\n"
    output.emit([], "yaml")
    assert capsys.readouterr().out == "[]\n"
    output.emit({"a": "yes"}, "yaml")
    assert capsys.readouterr().out in ('a: "yes"\n', "a: 'yes'\n")


def test_a_phase_has_its_mark_and_none_is_pending() -> None:
    assert click.unstyle(output.phase("Failed")) == "✖ Failed"
    assert click.unstyle(output.phase("")) == "◷ Pending"
    assert click.unstyle(output.phase("Odd")) == "◷ Odd"


@given(st.text())
def test_plain_text_is_printable_whatever_it_was_and_printable_text_is_itself(text: str) -> None:
    assert output.plain(text).isprintable()
    if text.isprintable():
        assert output.plain(text) == " ".join(text.split())
