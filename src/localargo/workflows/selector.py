"""Kubernetes' label selectors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from localargo.errors import InvalidInput
from localargo.manifests.metadata import LONGEST_PART, PART

_REQUIREMENT = re.compile(
    r"\s*(?:!\s*(?P<absent>[\w./-]+)|(?P<key>[\w./-]+)(?:\s+(?P<among>in|notin)\s*\((?P<values>[^()]*)\)|\s*(?P<is>==|=|!=|>|<)\s*(?P<value>[\w.-]*))?)"
    r"\s*(?:,(?=\s*\S)|$)"
)
_KNOWN = "write a=b, a!=b, a in (b,c), a notin (b,c), a, !a, a>1 or a<1, with commas between them"


class Condition:
    """One requirement on a label."""

    def __init__(self, key: str, operator: str, values: Sequence[str]) -> None:
        self.key, self.operator, self.values = key, operator, values

    def fits(self, value: str | None) -> bool:
        """Whether the value of the label, None if there is none, meets the condition."""
        match self.operator:
            case "exists":
                return value is not None
            case "!":
                return value is None
            case "=" | "==" | "in":
                return value in self.values
            case "!=" | "notin":
                return value not in self.values
            case _:
                try:
                    number, bound = int(value or ""), int(self.values[0])
                except ValueError:
                    return False
                return number > bound if self.operator == ">" else number < bound


def selects(conditions: Sequence[Condition], labels: Mapping[str, str]) -> bool:
    """Whether the labels meet all conditions."""
    return all(condition.fits(labels.get(condition.key)) for condition in conditions)


def parse(text: str) -> list[Condition]:
    """The requirements of a selector, all of which must hold. Raises InvalidInput."""
    found: list[Condition] = []
    at = 0
    while at < len(text.rstrip()):
        requirement = _REQUIREMENT.match(text, at)
        if requirement is None:
            raise InvalidInput(f"label selector {text!r}: cannot read {text[at:].strip()!r}; {_KNOWN}")
        found.append(_condition(text, requirement))
        at = requirement.end()
    return found


def _condition(text: str, found: re.Match[str]) -> Condition:
    key = found["absent"] or found["key"]
    operator = "!" if found["absent"] else found["among"] or found["is"] or "exists"
    values = [value.strip() for value in found["values"].split(",")] if found["among"] else [found["value"] or ""]
    for part in (key.rpartition("/")[2], *filter(None, values)):
        if len(part) > LONGEST_PART or not PART.fullmatch(part):
            raise InvalidInput(
                f"label selector {text!r}: {part!r} is no part of a label: letters, digits, '-', '_' and '.', at most {LONGEST_PART}"
            )
    if operator in ("<", ">") and not re.fullmatch(r"\d+", values[0]):
        raise InvalidInput(f"label selector {text!r}: {operator} compares with an integer, {values[0]!r} is none")
    return Condition(key, operator, values)
