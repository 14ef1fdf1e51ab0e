"""The columns of a profile as cells of a table, each with a small chart. Every text that comes from data is escaped."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from handlers.report.charts import BLUE, LINE
from handlers.report.markup import bar

Doc = Mapping[str, Any]
WIDTH, HEIGHT, BAR = 168, 44, 14
MOST_BARS = 5
LONGEST = 40


def cells(column: Doc) -> list[str]:
    """Name, type, missing, distinct, distribution and values, as HTML."""
    name, kind = f"<b>{escape(cut(column['name']))}</b>", escape(column["type"])
    return [name, kind, _missing(column), distinct(column), _chart(column), _values(column)]


def _missing(column: Doc) -> str:
    share = column["missing"] / column["rows"] if column["rows"] else 0.0
    if not column["missing"]:
        return "0"
    return f"{share:.1%}<br>{bar(share)}"


def distinct(column: Doc) -> str:
    """The number of values; `~` before an estimate."""
    if column["distinct"] is None:
        return "–"
    return f"{'' if column['distinct_exact'] else '~'}{column['distinct']:,}"


def _values(column: Doc) -> str:
    parts = []
    if column["min"] is not None:
        parts.append(f"{figure(column['min'])} to {figure(column['max'])}")
    if "mean" in column:
        parts.append(f"mean {figure(column['mean'])}, deviation {figure(column['deviation'])}")
    if "quantiles" in column:
        parts.append("quantiles " + ", ".join(f"{float(share):.0%}: {figure(value)}" for share, value in column["quantiles"].items()))
    if "mean" not in column and column.get("top"):
        rest = len(column["top"]) > MOST_BARS
        shown = ", ".join(f"{escape(cut(value))} ({rows:,})" for value, rows in column["top"][MOST_BARS:]) if rest else ""
        parts += [f"also {shown}"] if shown else []
    return "<br>".join(parts) or "–"


def _chart(column: Doc) -> str:
    if "histogram" in column:
        return _histogram(column["histogram"])
    if column.get("top"):
        return _bars(column["top"][:MOST_BARS], column["rows"])
    return ""


def _histogram(bins: Sequence[int]) -> str:
    step, most = WIDTH / len(bins), max(bins) or 1
    bars = "".join(
        f"<rect x='{i * step:.1f}' y='{HEIGHT - max(1.0, HEIGHT * rows / most):.1f}' width='{step - 1:.1f}' "
        f"height='{max(1.0, HEIGHT * rows / most):.1f}'/>"
        for i, rows in enumerate(bins)
        if rows
    )
    ground = f"<rect y='{HEIGHT}' width='{WIDTH}' height='1' fill='{LINE}'/>"
    return f"<svg width={WIDTH} height={HEIGHT + 1} role=img aria-label='distribution'>{ground}<g fill='{BLUE}'>{bars}</g></svg>"


def _bars(top: Sequence[tuple[str, int]], rows: int) -> str:
    """A bar for each value, as long as its share of the rows."""
    drawn = "".join(
        f"<rect y='{i * BAR + 1}' width='{max(1.0, WIDTH * count / max(1, rows)):.1f}' height='{BAR - 2}' fill='{BLUE}' opacity='.3'/>"
        f"<text x='3' y='{i * BAR + BAR - 4}' font-size='10' fill='currentColor'>{escape(cut(value, 22))} {count / max(1, rows):.0%}</text>"
        for i, (value, count) in enumerate(top)
    )
    return f"<svg width={WIDTH} height={BAR * len(top)}>{drawn}</svg>"


def figure(value: Any) -> str:
    """A number in four figures, a time as it is."""
    if value is None:
        return "–"
    if not isinstance(value, int | float):
        return cut(str(value).removesuffix("+00:00").removesuffix(" 00:00:00"))
    if not math.isfinite(value):
        return str(value)
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e9 else f"{value:,.4g}"


def cut(text: str, longest: int = LONGEST) -> str:
    shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
    return shown if len(shown) <= longest else shown[: longest - 3] + "..."
