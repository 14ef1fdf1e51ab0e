import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.display.tables import UNCUT, answered, cut, fitted, table

HEADER = ("MODEL", "RUN", "OUTCOME", "TRIALS", "ON TEST", "NOTE")
ROWS = (
    ("churn", "retrain-churn-179603698", "refused", "6", "roc_auc 0.6306", ""),
    ("churn", "retrain-churn-179603695", "failed", "", "", "incoming/churn/may.csv, row 4, column age: 'old' is not an int"),
)
SPARE = ("TRIALS", "MODEL")


def test_everything_is_shown_where_there_is_room_and_uncut_where_asked() -> None:
    lines = fitted(HEADER, ROWS, UNCUT, SPARE)
    assert lines == fitted(HEADER, ROWS, 200, SPARE)
    assert lines[0].split() == ["MODEL", "RUN", "OUTCOME", "TRIALS", "ON", "TEST", "NOTE"]
    assert lines[2].endswith("'old' is not an int")


@pytest.mark.parametrize(("width", "gone"), [(130, []), (80, ["MODEL", "TRIALS"])])
def test_the_least_needed_columns_go_first_and_the_last_column_is_cut(width: int, gone: list[str]) -> None:
    lines = fitted(HEADER, ROWS, width, SPARE)
    assert max(map(len, lines)) <= width
    assert [name for name in HEADER if name not in lines[0]] == gone
    assert "…" in fitted(HEADER, ROWS, 80, SPARE)[2]


def test_a_narrow_terminal_gets_a_block_for_each_row_with_all_its_cells() -> None:
    lines = fitted(HEADER, ROWS, 40, SPARE)
    assert lines[:5] == [
        "MODEL    churn",
        "RUN      retrain-churn-179603698",
        "OUTCOME  refused",
        "TRIALS   6",
        "ON TEST  roc_auc 0.6306",
    ]
    assert lines[5] == ""  # the note is empty
    assert lines[-2:] == ["NOTE     incoming/churn/may.csv, row 4,", "         column age: 'old' is not an int"]


def test_colours_take_no_room() -> None:
    coloured = [[click.style(cell, fg="red") for cell in row] for row in ROWS]
    assert [click.unstyle(line).rstrip() for line in fitted(HEADER, coloured, 130, SPARE)] == fitted(HEADER, ROWS, 130, SPARE)


@given(st.lists(st.lists(st.text("ab", max_size=30), min_size=3, max_size=3), max_size=4), st.integers(20, 120))
def test_no_line_is_wider_than_the_terminal_unless_a_word_is(rows: list[list[str]], width: int) -> None:
    longest = max((len(cell) for row in rows for cell in row), default=0)
    for line in fitted(("A", "B", "C"), rows, width, ("B",)):
        assert len(line) <= max(width, longest + len("A  "))


def test_sentences_are_wrapped_under_their_own_indentation() -> None:
    told = {"text": "It was refused because the interval is wide.\n  event  a3f0 from the bucket, an upload of april.csv"}
    assert answered(told, UNCUT) == told["text"].splitlines()
    assert answered(told, 30) == [
        "It was refused because the",
        "interval is wide.",
        "  event  a3f0 from the bucket,",
        "         an upload of",
        "         april.csv",
    ]


def test_cut_counts_what_is_seen() -> None:
    assert cut("abcdef", 6) == "abcdef"
    assert cut("abcdefg", 6) == "abcde…"


def test_a_table_in_a_pipe_is_aligned_by_what_is_seen_and_whole(capsys: pytest.CaptureFixture[str]) -> None:
    table(["A", "B", "C"], [[click.style("red", fg="red"), "x", "y" * 300], ["longer", "", ""]])
    told = click.unstyle(capsys.readouterr().out).splitlines()
    assert told == ["A       B  C", "red     x  " + "y" * 300, "longer"]


def test_a_table_without_rows_is_its_header(capsys: pytest.CaptureFixture[str]) -> None:
    table(["A", "B"], [])
    assert capsys.readouterr().out == "A  B\n"
