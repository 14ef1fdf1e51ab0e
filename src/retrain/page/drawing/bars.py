"""How the values of a column are spread, as small bars."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

WIDTH, HEIGHT, ROW = 168, 44, 15
MOST = 5  # values
LONGEST = 20  # letters of a value


def histogram(bins: Sequence[int], label: str) -> Markup:
    """A bar for each range of values."""
    step, most = WIDTH / max(1, len(bins)), max(bins, default=0) or 1
    bars = Markup("").join(
        Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
            i * step, HEIGHT - max(1.0, HEIGHT * rows / most), step - 1, max(1.0, HEIGHT * rows / most)
        )
        for i, rows in enumerate(bins)
        if rows
    )
    return Markup('<svg class="bars" width="{}" height="{}" role="img" aria-label="{}">{}</svg>').format(WIDTH, HEIGHT, label, bars)


def shares(top: Sequence[tuple[str, int]], rows: int, label: str) -> Markup:
    """A bar for each of the most frequent values, as long as its share of the rows."""
    found = top[:MOST]
    drawn = Markup("").join(
        Markup('<rect class="share" y="{}" width="{:.1f}" height="{}"/><text x="4" y="{}">{} {:.0%}</text>').format(
            i * ROW, max(1.0, WIDTH * count / max(1, rows)), ROW - 2, i * ROW + ROW - 4, _cut(value), count / max(1, rows)
        )
        for i, (value, count) in enumerate(found)
    )
    size = (WIDTH, ROW * len(found))
    return Markup('<svg class="bars" width="{}" height="{}" role="img" aria-label="{}">{}</svg>').format(*size, label, drawn)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
