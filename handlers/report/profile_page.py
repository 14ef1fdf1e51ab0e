"""A profile as one self-contained HTML page: a row for each column with a small chart. Every text that comes from data is escaped."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from handlers.contracts import counted, instant
from handlers.report.page import CSS

Doc = Mapping[str, Any]
WIDTH, HEIGHT, BAR = 168, 44, 14
BLUE, GREY = "#2a6fbb", "#dfe4ea"
MOST_BARS = 5
LONGEST = 40
MORE = """
td svg{display:block}
td.bar{width:190px}
.miss{display:inline-block;height:8px;background:#d9822b;vertical-align:baseline}
ul.changes{margin:0;padding-left:20px}
"""


def page(found: Doc) -> str:
    """The page of a profile of files, or of a model's snapshots."""
    title = found["model"] if "model" in found else ", ".join(found["files"])
    newest = found["snapshots"][0] if "snapshots" in found else found
    body = f"<h1>{escape(title)}</h1><p class=sub>{escape(summary(found))}</p>"
    if "snapshots" in found:
        body += _changes(found)
    body += _columns(newest)
    body += "".join(f"<p class=soft>{escape(_cut(name))} is left out: {escape(why)}</p>" for name, why in found.get("left_out", {}).items())
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{escape(title)}: profile</title><style>{CSS}{MORE}</style><main>{body}</main></html>"
    )


def summary(found: Doc) -> str:
    """What was profiled, in a line."""
    if "snapshots" not in found:
        return f"{', '.join(found['files'])}: {counted(found['rows'], 'row')}, {counted(len(found['columns']), 'column')}"
    newest = found["snapshots"][0]
    of = f"snapshot {newest['snapshot']}, learned from by {newest['run']} at {instant(newest['at'])}"
    return f"{found['model']}: {counted(newest['rows'], 'row')} of {of}; {counted(len(found['snapshots']), 'snapshot')} in all"


def _changes(found: Doc) -> str:
    if len(found["snapshots"]) < 2:
        return "<div class='card verdict'><b>One snapshot</b><p>There is none before it to compare with.</p></div>"
    told = "".join(f"<li>{escape(change['told'])}</li>" for change in found["changes"])
    before = f"since snapshot <code>{escape(found['snapshots'][1]['snapshot'])}</code>"
    if not told:
        return f"<div class='card verdict good'><b>Nothing changed</b><p>{before}</p></div>"
    return f"<div class='card verdict warn'><b>What changed</b><p>{before}</p><ul class=changes>{told}</ul></div>"


def _columns(found: Doc) -> str:
    head = "<tr><th>column</th><th>type</th><th class=n>missing</th><th class=n>distinct</th><th>distribution</th><th>values</th></tr>"
    rows = "".join(
        f"<tr><td><b>{escape(_cut(column['name']))}</b></td><td>{escape(column['type'])}</td><td class=n>{_missing(column)}</td>"
        f"<td class=n>{distinct(column)}</td><td class=bar>{_chart(column)}</td><td>{_values(column)}</td></tr>"
        for column in found["columns"]
    )
    return f"<h2>Columns</h2><div class='card wide'><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>"


def _missing(column: Doc) -> str:
    share = column["missing"] / column["rows"] if column["rows"] else 0.0
    if not column["missing"]:
        return "0"
    return f"{share:.1%}<br><span class=miss style='width:{max(1, round(60 * share))}px'></span>"


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
        shown = ", ".join(f"{escape(_cut(value))} ({rows:,})" for value, rows in column["top"][MOST_BARS:]) if rest else ""
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
    return f"<svg width={WIDTH} height={HEIGHT + 1} fill='{BLUE}'><rect y='{HEIGHT}' width='{WIDTH}' height='1' fill='{GREY}'/>{bars}</svg>"


def _bars(top: Sequence[tuple[str, int]], rows: int) -> str:
    """A bar for each value, as long as its share of the rows."""
    drawn = "".join(
        f"<rect y='{i * BAR + 1}' width='{max(1.0, WIDTH * count / max(1, rows)):.1f}' height='{BAR - 2}' fill='{BLUE}' opacity='.35'/>"
        f"<text x='3' y='{i * BAR + BAR - 4}' font-size='10'>{escape(_cut(value, 22))} {count / max(1, rows):.0%}</text>"
        for i, (value, count) in enumerate(top)
    )
    return f"<svg width={WIDTH} height={BAR * len(top)}><rect width='{WIDTH}' height='{BAR * len(top)}' fill='#f6f7f9'/>{drawn}</svg>"


def figure(value: Any) -> str:
    """A number in four figures, a time as it is."""
    if value is None:
        return "–"
    if not isinstance(value, int | float):
        return _cut(str(value).removesuffix("+00:00").removesuffix(" 00:00:00"))
    if not math.isfinite(value):
        return str(value)
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e9 else f"{value:,.4g}"


def _cut(text: str, longest: int = LONGEST) -> str:
    shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
    return shown if len(shown) <= longest else shown[: longest - 3] + "..."
