"""A profile as one self-contained HTML page: a row for each column with a small chart. Every text that comes from data is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from handlers.contracts import counted, instant
from handlers.report.markup import document, table
from handlers.report.profile_columns import cells, cut
from handlers.report.style import CSS

Doc = Mapping[str, Any]
MORE = "ul.changes{margin:0;padding-left:20px}"


def page(found: Doc) -> str:
    """The page of a profile of files, or of a model's snapshots."""
    title = found["model"] if "model" in found else ", ".join(found["files"])
    newest = found["snapshots"][0] if "snapshots" in found else found
    body = f"<h1>{escape(title)}</h1><p class=sub>{escape(summary(found))}</p>"
    if "snapshots" in found:
        body += _changes(found)
    body += _columns(newest)
    body += "".join(f"<p class=soft>{escape(cut(name))} is left out: {escape(why)}</p>" for name, why in found.get("left_out", {}).items())
    return document(f"{title}: profile", CSS + MORE, body)


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
    numeric = ("missing", "distinct")
    head = [(name, name in numeric) for name in ("column", "type", "missing", "distinct", "distribution", "values")]
    return f"<h2>Columns</h2>{table(head, [('', cells(column)) for column in found['columns']], 'The columns', 'columns')}"
