"""A Workflow's tasks as boxes from left to right, each after what it waits for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDE, HIGH, BETWEEN, UNDER, EDGE = 132, 46, 34, 16, 6
LONGEST = 16  # letters in a box


@dataclass(frozen=True, slots=True)
class Box:
    """A task: what it is called, how it stands, and a few words below its name."""

    key: str
    name: str
    state: str
    under: str = ""
    href: str = ""


def chart(boxes: Sequence[Box], after: Mapping[str, Sequence[str]], label: str) -> Markup:
    """The boxes as one <svg>; `after`: the keys of what each waits for."""
    if not boxes:
        return Markup("")
    column = _columns(boxes, after)
    rows: dict[int, int] = {}
    place = {}
    for box in boxes:
        row = rows.get(column[box.key], 0)
        rows[column[box.key]] = row + 1
        place[box.key] = (EDGE + column[box.key] * (WIDE + BETWEEN), EDGE + row * (HIGH + UNDER))
    width = 2 * EDGE + (max(column.values()) + 1) * (WIDE + BETWEEN) - BETWEEN
    height = 2 * EDGE + max(rows.values()) * (HIGH + UNDER) - UNDER
    lines = [_edge(place[one], place[box.key]) for box in boxes for one in _direct(box.key, after, column)]
    drawn = [_box(box, *place[box.key]) for box in boxes]
    return Markup('<svg class="graph" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="group" aria-label="{2}">{3}</svg>').format(
        width, height, label, Markup("").join([*lines, *drawn])
    )


def _columns(boxes: Sequence[Box], after: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The longest way to each box; what waits in a circle, which no Workflow has, stands where it is met."""
    known: dict[str, int] = {}

    def column(key: str, way: frozenset[str]) -> int:
        if key not in known:
            before = [column(one, way | {key}) for one in after.get(key, ()) if one not in way]
            known[key] = 1 + max(before, default=-1)
        return known[key]

    return {box.key: column(box.key, frozenset({box.key})) for box in boxes}


def _direct(key: str, after: Mapping[str, Sequence[str]], column: Mapping[str, int]) -> list[str]:
    """What a box waits for, without what it waits for through another one."""
    waits = [one for one in after.get(key, ()) if one in column]
    through: set[str] = set()
    for one in waits:
        todo = list(after.get(one, ()))
        while todo:
            each = todo.pop()
            if each not in through:
                through.add(each)
                todo += after.get(each, ())
    return [one for one in waits if one not in through]


def _edge(start: tuple[int, int], end: tuple[int, int]) -> Markup:
    x1, y1, x2, y2 = start[0] + WIDE, start[1] + HIGH / 2, end[0], end[1] + HIGH / 2
    middle = (x1 + x2) / 2
    return Markup('<path class="edge" d="M{} {}C{} {} {} {} {} {}"/>').format(x1, y1, middle, y1, middle, y2, x2, y2)


def _box(box: Box, x: int, y: int) -> Markup:
    name = box.name if len(box.name) <= LONGEST else box.name[: LONGEST - 1] + "…"
    inside = Markup(
        '<g class="box is-{}"><title>{}: {}</title><rect x="{}" y="{}" width="{}" height="{}" rx="6"/><circle cx="{}" cy="{}" r="5"/>'
        '<text class="name" x="{}" y="{}">{}</text><text class="under" x="{}" y="{}">{}</text></g>'
    ).format(
        *(box.state.lower(), box.name, box.state, x, y, WIDE, HIGH, x + 13, y + 16),
        *(x + 24, y + 20, name, x + 24, y + 37, box.under or box.state),
    )
    return Markup('<a href="{}">{}</a>').format(box.href, inside) if box.href else inside
