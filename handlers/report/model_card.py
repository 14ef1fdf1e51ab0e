"""What the report tells of a model beside its scores: its columns and how they moved, the champions before it, how to make it again."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from handlers.contracts import instant
from handlers.report import drawn, drift, profile_columns
from handlers.report.facts import Facts
from handlers.report.markup import figure, interval, plain, table

Doc = Mapping[str, Any]
MOST_COLUMNS = 60
MOST_CHAMPIONS = 30  # the last ones


def columns(given: Facts) -> str:
    """A row for each column of train, with how far it lies from the champion's."""
    if not given.columns:
        return ""
    against = any(each["index"] is not None for each in given.columns)
    head = [("column", False), ("type", False), ("missing", True), ("distinct", True), ("distribution", False), ("values", False)]
    head += [("drift", True), ("", False)] if against else []
    rows = []
    for each in given.columns[:MOST_COLUMNS]:
        cells = profile_columns.cells(each["profile"])
        cells += [f"{each['index']:.3f}" if each["index"] is not None else "–", escape(drift.told(each["index"]))] if against else []
        far = each["index"] is not None and each["index"] >= drift.FAR
        rows.append(("mark" if far else "", cells))
    words = "" if not given.columns_against else f"<p class=soft>{plain(given.columns_against)}</p>"
    left = len(given.columns) - MOST_COLUMNS
    more = f"<p class=soft>and {left} more: <code>retrain profile {escape(given.model)}</code> shows them</p>" if left > 0 else ""
    return table(head, rows, "The columns of train", "columns") + words + more


def champions(given: Facts) -> str:
    """The champions so far, the newest first."""
    if not given.history:
        return ""
    rows = []
    for each in reversed(given.history[-MOST_CHAMPIONS:]):
        back = f"back to champion {each['of']}: " if each.get("kind") == "rollback" else ""
        cells = [
            str(each["number"]),
            plain(instant(each.get("at"))),
            f"<code>{escape(str(each['trial']))}</code>",
            escape(str(each.get("metric"))),
        ]
        cells += [interval(each.get("test")), f"<code>{escape(str(each.get('run')))}</code>", plain(back + str(each.get("reason") or ""))]
        rows.append(("mark" if each.get("run") == given.run else "", cells))
    head = [
        ("champion", False),
        ("since", False),
        ("trial", False),
        ("metric", False),
        ("on test", True),
        ("run", False),
        ("reason", False),
    ]
    drawing = drawn.champions(given.history[-MOST_CHAMPIONS:])
    words = "Each on the test rows of its own time: two of them were not judged on the same rows."
    drawing = f"<div class=charts>{figure('On test, one after another', drawing, words)}</div>" if drawing else ""
    return drawing + table(head, rows, "The champions", "champions")


def again(given: Facts) -> str:
    """The commands, each with what it does."""
    if not given.again:
        return ""
    lines = "\n".join(f"{command:<{max(len(c) for c, _ in given.again)}}  # {what}" for command, what in given.again)
    words = (
        "Results are named by what can change them: data, spec, code and versions. Where these are the same, so is every name and number."
    )
    return f"<p class=soft>{words}</p><pre tabindex=0>{escape(lines)}</pre>"


def matrix(found: Doc) -> str:
    """A confusion matrix: the darker a cell, the larger its share of the line."""
    classes, lines = found["classes"], found["rows"]
    head = "".join(f"<th scope=col class=n>{escape(name)}</th>" for name in classes)
    body = ""
    for name, line in zip(classes, lines, strict=True):
        total = sum(line) or 1
        cells = "".join(
            f"<td style='background:color-mix(in srgb,var(--blue) {round(35 * count / total)}%,var(--card))'>{count:,}"
            f"<br><span>{count / total:.0%}</span></td>"
            for count in line
        )
        body += f"<tr><th scope=row>{escape(name)}</th>{cells}</tr>"
    told = "rows by true class and called class"
    return (
        f"<div class=wide role=region tabindex=0 aria-label='{told}'><table class=matrix>"
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
