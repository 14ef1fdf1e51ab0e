"""How values are written on a page: numbers, intervals, times, and the colour of an outcome."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from retrain.display.output import ago

# the outcome of a run or the phase of a node: its mark, which does not need colours to be seen, and its tone
TONES: Mapping[str, tuple[str, str]] = {
    "promoted": ("▲", "good"),
    "Succeeded": ("✔", "good"),
    "trained": ("✔", "good"),
    "started": ("▶", "good"),
    "refused": ("✖", "warn"),
    "kept": ("=", "warn"),
    "dropped": ("▽", "warn"),
    "Suspended": ("⏸", "warn"),
    "failed": ("✖", "bad"),
    "Failed": ("✖", "bad"),
    "Error": ("⚠", "bad"),
    "running": ("●", "live"),
    "Running": ("●", "live"),
    "training": ("●", "live"),
    "Pending": ("◷", "calm"),
}


def badge(word: str) -> Markup:
    """An outcome or a phase with its mark, in its colour."""
    mark, tone = TONES.get(word, ("○", "calm"))
    return Markup('<span class="badge {}"><span aria-hidden="true">{}</span> {}</span>').format(tone, mark, word)


def figure(value: Any) -> str:
    """A number in four figures; anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "–" if value is None else str(value)
    if not math.isfinite(value):
        return str(value)
    if float(value).is_integer() and abs(value) < 1e12:
        return f"{value:,.0f}"
    return f"{value:.4f}" if 0.001 <= abs(value) < 1000 else f"{value:,.4g}"


def metric(found: Mapping[str, Any] | None) -> Markup:
    """A metric's value and its interval."""
    if not found or found.get("value") is None:
        return Markup("–")
    value = Markup('<span class="value">{}</span>').format(f"{found['value']:.4f}")
    if found.get("low") is None:
        return value
    return value + Markup(' <small class="interval">{} to {}</small>').format(f"{found['low']:.4f}", f"{found['high']:.4f}")


def parameters(params: Mapping[str, Any] | None) -> str:
    """`alpha=0.1, eta0=1`."""
    return ", ".join(f"{name}={parameter(value)}" for name, value in (params or {}).items()) or "as in the spec"


def parameter(value: Any) -> str:
    """One parameter's value, as a spec would have it."""
    return f"{value:g}" if isinstance(value, float) else "–" if value is None else str(value)


def sentences(lines: Sequence[str]) -> list[str]:
    """The lines of an answer that are sentences; the others are rows of a chain, and what to type next."""
    return [line for line in lines if not line.startswith(("  ", "Next: "))]


def rows(lines: Sequence[str]) -> list[str]:
    """The lines of an answer that are rows of a chain."""
    return [line.removeprefix("  ") for line in lines if line.startswith("  ")]


def when(at: float | str | None) -> Markup:
    """How long ago an instant was (seconds since 1970, or ISO 8601), with the instant itself."""
    if isinstance(at, str):
        try:
            at = datetime.fromisoformat(at).timestamp()
        except ValueError:
            return Markup("{}").format(at)
    if at is None:
        return Markup("")
    moment = datetime.fromtimestamp(at, UTC)
    told = ago(datetime.now(UTC).timestamp() - at)
    return Markup('<time datetime="{}" title="{}">{} ago</time>').format(
        moment.strftime("%Y-%m-%dT%H:%M:%SZ"), moment.strftime("%Y-%m-%d %H:%M:%S UTC"), told
    )


def day(at: float) -> str:
    """An instant as an axis shows it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def clock(at: float) -> str:
    """An instant within a day as an axis shows it."""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")


def axis_of_times(times: Sequence[float]) -> Any:
    """How the instants of an axis are shown."""
    return clock if times and max(times) - min(times) < 2 * 86400 else day


FILTERS = {
    "spent": ago,
    "badge": badge,
    "figure": figure,
    "metric": metric,
    "parameter": parameter,
    "parameters": parameters,
    "when": when,
    "sentences": sentences,
    "rows": rows,
}
