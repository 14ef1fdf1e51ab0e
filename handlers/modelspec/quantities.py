"""Durations (30s, 10m, 2h, 14d, 2w), numbers of batches, Kubernetes quantities (500m, 64Mi, 2) and names of time zones."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
BATCHES = re.compile(r"([1-9]\d{0,8}) batch(?:es)?")
QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
UNITS = {"m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40}


def seconds(text: str) -> float:
    """The seconds of a duration; raises ValueError."""
    parts = DURATION.findall(text)
    if not parts or "".join(n + u for n, u in parts) != text:
        raise ValueError(f"{text!r} is not a duration; accepted: 30s, 10m, 2h, 14d, 2w")
    return sum(float(n) * SECONDS[u] for n, u in parts)


def check_duration(text: str) -> str:
    """The duration itself, when it is one."""
    seconds(text)
    return text


def batches_or_seconds(text: str) -> tuple[int, float]:
    """`200 batches` as (200, 0.0), a duration as (0, its seconds); raises ValueError."""
    found = BATCHES.fullmatch(text)
    if found is not None:
        return int(found[1]), 0.0
    try:
        return 0, seconds(text)
    except ValueError:
        raise ValueError(f"{text!r} is not accepted; accepted: a number of batches, as 200 batches, or a duration, as 10m") from None


def check_often(text: str) -> str:
    """A number of batches or a duration, itself when it is one."""
    batches, time = batches_or_seconds(text)
    if not batches and time < 1:
        raise ValueError(f"{text} is too short; accepted: 1s or more")
    return text


def check_length(value: str | int) -> str | int:
    """A duration, or a whole number of years or steps, itself when it is one."""
    if isinstance(value, str):
        return check_duration(value)
    if value < 0:
        raise ValueError(f"{value} is not a length; accepted: 0 or more")
    return value


def check_quantity(value: str | float) -> str:
    """A quantity as text, when it is one."""
    amount(value)
    return str(value)


def amount(value: str | float) -> float:
    """The number that a quantity stands for: bytes of memory, cores; raises ValueError."""
    text = str(value)
    found = QUANTITY.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a quantity; accepted: 2, 500m, 64Mi, 4Gi")
    return float(found[1]) * UNITS.get(found[2] or "", 1.0)


def check_zone(name: str) -> str:
    """The name of a time zone itself, when it is one."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{name!r} is not a time zone; accepted: names such as UTC, Europe/Berlin") from None
    return name
