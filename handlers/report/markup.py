"""Pieces of the pages as HTML: tables, figures, sections. Every text that is given is escaped where the name does not say `html`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from handlers.runs.gate import number

# what Go writes behind a time: seconds since its process began
SINCE_START = re.compile(r" m=[+-]\d+(?:\.\d+)?")


def plain(text: str) -> str:
    """A text that people are to read, escaped."""
    return escape(SINCE_START.sub("", text))


def section(title: str, html: str) -> str:
    """A part of the page with its heading, which can be linked to; nothing where it is empty."""
    return f"<section><h2 id='{anchor(title)}'>{escape(title)}</h2>{html}</section>" if html else ""


def anchor(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def table(head: Iterable[tuple[str, bool]], rows: Iterable[tuple[str, Sequence[str]]], told: str, kind: str = "") -> str:
    """Cells are HTML already; a head is (text, is numeric), a row (css class, cells). `told` names the table for a screen reader; the first
    cell of a row heads it."""
    columns = list(head)
    top = "".join(f"<th scope=col{' class=n' if numeric else ''}>{escape(text)}</th>" for text, numeric in columns)
    body = "".join(f"<tr{f' class={css}' if css else ''}>{_cells(columns, cells)}</tr>" for css, cells in rows)
    return (
        f"<div class='card wide {kind}' role=region tabindex=0 aria-label='{escape(told, quote=True)}'>"
        f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(columns: Sequence[tuple[str, bool]], cells: Sequence[str]) -> str:
    found = "".join(f"<td{' class=n' if numeric else ''}>{cell}</td>" for cell, (_, numeric) in zip(cells[1:], columns[1:], strict=True))
    return f"<th scope=row>{cells[0]}</th>{found}"


def facts(rows: Sequence[tuple[str, str]], links: Mapping[str, str] | None = None) -> str:
    """A table of two columns without a head: what, and its value. `links`: the sections that tell more of it, by what."""
    names = {what: f"<a href='#{anchor(title)}'>{escape(what)}</a>" for what, title in (links or {}).items()}
    body = "".join(f"<tr><th scope=row>{names.get(what, escape(what))}</th><td>{plain(value)}</td></tr>" for what, value in rows)
    return f"<div class='card facts'><table><tbody>{body}</tbody></table></div>" if rows else ""


def figure(title: str, drawing_html: str, caption_html: str, css: str = "") -> str:
    """A drawing in a card, with its title and what it says."""
    told = f"<figcaption>{caption_html}</figcaption>" if caption_html else ""
    scrolls = f" class=scroll tabindex=0 role=group aria-label='{escape(title, quote=True)}'" if "all" in css else ""
    return f"<div class='card {css}'><h3>{escape(title)}</h3><figure{scrolls} style='margin:0'>{drawing_html}{told}</figure></div>"


def interval(found: Mapping[str, Any] | None) -> str:
    """The value of an interval's document and its bounds in brackets, as HTML."""
    if not found or found.get("value") is None:
        return "–"
    text = number(found["value"])
    return f"{text} <small>[{number(found['low'])}, {number(found['high'])}]</small>" if found.get("low") is not None else text


def bar(share: float) -> str:
    """A bar as long as a share of its cell, as HTML."""
    return f"<div class=bar style='width:{100 * min(1.0, max(0.0, share)):.1f}%'></div>"


def document(title: str, css: str, body_html: str) -> str:
    """The whole HTML document."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{css}</style></head><body><main>\n{body_html}\n</main></body></html>\n"
    )
