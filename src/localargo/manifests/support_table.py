"""The shape of the support tables: per definition of a schema, which of its fields this engine honours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Status = Literal["supported", "kept", "refused"]
NOT_ENFORCED = "not enforced here"
NOT_BUILT = "not part of this engine"


@dataclass(frozen=True, slots=True)
class Support:
    """Field names (separated by spaces) by status, and notes on single fields.

    Fields below a kept or refused field share its status.
    """

    supported: str = ""
    kept: str = ""
    refused: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)

    def statuses(self) -> dict[str, tuple[Status, str]]:
        found: dict[str, tuple[Status, str]] = {}
        for name in self.supported.split():
            found[name] = ("supported", self.notes.get(name, ""))
        for name in self.kept.split():
            found[name] = ("kept", self.notes.get(name, NOT_ENFORCED))
        for name in self.refused.split():
            found[name] = ("refused", self.notes.get(name, NOT_BUILT))
        return found


Table = Mapping[str, Support]
