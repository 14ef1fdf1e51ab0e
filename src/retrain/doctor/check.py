"""What a doctor says."""

from __future__ import annotations

from typing import NamedTuple


class Check(NamedTuple):
    """What was looked at, whether it is good, and what was found; where it is not good, what to do."""

    name: str
    ok: bool
    message: str
