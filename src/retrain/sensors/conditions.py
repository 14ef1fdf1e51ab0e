"""Conditions of a trigger: which dependencies must have had an event. `a && b` keeps the latest of each, `a || b` fires for each."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from retrain.errors import InvalidInput
from retrain.expressions import ExpressionError, govaluate

NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Conditions:
    """`names` are the dependencies asked for, `text` the expression over names with `_` for `-`; `keeps`: events wait for each other."""

    names: tuple[str, ...]
    text: str
    keeps: bool

    def hold(self, there: Collection[str]) -> bool:
        """Whether the expression is true when these dependencies have an event."""
        variables = {_identifier(name): name in there for name in self.names}
        try:
            return govaluate.evaluate(self.text, variables) is True
        except ExpressionError as error:
            raise InvalidInput(f"conditions: {error}") from error


def read(template: dict[str, Any], dependencies: Sequence[str]) -> Conditions:
    """The conditions of a trigger's template; without any, all dependencies of the Sensor. Raises InvalidInput for an unknown name."""
    text = str(template.get("conditions") or "")
    if not text:
        names = tuple(dependencies)
        return Conditions(names, " && ".join(map(_identifier, names)), len(names) > 1)
    names = tuple(dict.fromkeys(NAME.findall(text)))
    for name in names:
        if name not in dependencies:
            raise InvalidInput(f"conditions: {name!r} is no dependency; there are {', '.join(dependencies)}")
        if name in ("and", "or", "not", "in", "true", "false"):
            raise InvalidInput(f"conditions: a dependency called {name!r} is read as an operator and never holds")
    return Conditions(names, NAME.sub(lambda found: _identifier(found[0]), text), "&" in text)


def _identifier(name: str) -> str:
    """The name as an identifier that no digit begins and no operator cuts."""
    return "d_" + name.replace("-", "_")
