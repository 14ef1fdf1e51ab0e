"""Tables that fit: what is wider than the terminal loses its least needed columns, and stands stacked where even that is not enough."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import click

GAP = "  "
LEAST = 24  # a last column of free text is cut down to this before a column goes
LAST = 12  # and to this before the rows are stacked
UNCUT = 0  # as a width: everything, however long the lines

Rows = Sequence[Sequence[str]]


def table(header: Sequence[str], rows: Rows, *, spare: Sequence[str] = (), wide: bool = False) -> None:
    """Print rows under their header; cells may carry ANSI colours. `spare`: the columns that may go, the least needed first."""
    click.echo("\n".join(fitted(header, rows, UNCUT if wide else terminal_width(), spare)))


def terminal_width() -> int:
    """The terminal's columns; a pipe or a file takes everything."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else UNCUT


def fitted(header: Sequence[str], rows: Rows, width: int, spare: Sequence[str] = ()) -> list[str]:
    """The table's lines, none longer than `width` unless a word is."""
    shown = list(range(len(header)))
    for name in [None, *spare]:
        shown = [i for i in shown if header[i] != name]
        lines = _lines([[row[i] for i in shown] for row in [header, *rows]], width, LEAST)
        if lines is not None:
            return lines
    return _lines([[row[i] for i in shown] for row in [header, *rows]], width, LAST) or _stacked(header, rows, width)


def answered(answer: Mapping[str, Any], width: int) -> list[str]:
    """The lines of what a handler shows: its sentences, wrapped under their own indentation, or its table."""
    if "text" not in answer:
        return fitted(answer["header"], answer["rows"], width, answer["spare"])
    return [each for line in str(answer["text"]).splitlines() for each in _wrapped(line, width)]


def _wrapped(line: str, width: int) -> list[str]:
    if width == UNCUT or len(line) <= width:
        return [line]
    indent = re.match(r" *(\w+  +)?", line)
    below = " " * min(len(indent[0]) if indent else 0, width // 2)
    return textwrap.wrap(line, width, subsequent_indent=below, break_long_words=False, break_on_hyphens=False)


def _lines(rows: Rows, width: int, least: int) -> list[str] | None:
    """Left-aligned columns, the last one cut, but not below `least`; None where they do not fit."""
    widths = [max(map(_length, column)) for column in zip(*rows, strict=True)]
    before = sum(widths[:-1]) + len(GAP) * (len(widths) - 1)
    if width == UNCUT:
        room = widths[-1]
    else:
        room = width - before
        if room < min(widths[-1], least):
            return None
    return [GAP.join([*(_padded(*cell) for cell in zip(row[:-1], widths, strict=False)), cut(row[-1], room)]).rstrip() for row in rows]


def _stacked(header: Sequence[str], rows: Rows, width: int) -> list[str]:
    """A block for each row: a line for each cell that holds something, long ones wrapped."""
    longest = max(map(len, header))
    lines = []
    for row in rows:
        for name, cell in zip(header, row, strict=True):
            if cell:
                lines += _labelled(f"{name:<{longest}}{GAP}", cell, width)
        lines.append("")
    return lines[:-1] if rows else [GAP.join(header)]


def _labelled(label: str, cell: str, width: int) -> list[str]:
    """A cell behind its label, long ones wrapped; below it, where a word has no room beside it."""
    room = max(width - len(label), 8)
    if _length(cell) <= room or not cell.strip():
        return [(label + cell).rstrip()]
    beside = max(map(_length, cell.split())) <= room
    margin = len(label) if beside else len(GAP)
    first, *more = textwrap.wrap(cell, max(width - margin, 8), break_long_words=False, break_on_hyphens=False)
    told = [label + first] if beside else [label.rstrip(), " " * margin + first]
    return [*told, *(" " * margin + each for each in more)]


def cut(text: str, longest: int) -> str:
    """The text, its end replaced by … where it is longer."""
    return text if _length(text) <= longest else text[: longest - 1] + "…"


def _length(cell: str) -> int:
    return len(click.unstyle(cell))


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - _length(cell))
