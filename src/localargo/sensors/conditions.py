"""Conditions of a trigger: which dependencies must have had an event. `a && b` holds the latest of each, `a || b` fires for each."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localargo.errors import InvalidInput
from localargo.expressions import ExpressionError, govaluate

NAME = re.compile(r"[A-Za-z0-9_-]+")
WORDS = ("and", "or", "not", "in", "true", "false")


@dataclass(frozen=True, slots=True)
class Conditions:
    """`names` are the dependencies in the condition, `text` the expression with `d0`, `d1` ... in their place.

    `joins`: the latest events of several dependencies are used together.
    """

    names: tuple[str, ...]
    text: str
    joins: bool

    def hold(self, there: Collection[str]) -> bool:
        """Whether the expression is true when these dependencies have an event. Raises InvalidInput when it cannot be evaluated."""
        variables = {f"d{index}": name in there for index, name in enumerate(self.names)}
        try:
            answer = govaluate.evaluate(self.text, variables)
        except ExpressionError as error:
            raise InvalidInput(f"conditions: {error}") from error
        if not isinstance(answer, bool):
            raise InvalidInput(f"conditions: the expression gives {answer!r}, not true or false")
        return answer


def read(template: Mapping[str, Any], dependencies: Sequence[str]) -> Conditions:
    """The conditions of a trigger's template; without any, all dependencies of the Sensor.

    Raises InvalidInput for a condition that can never be true.
    """
    text = str(template.get("conditions") or "")
    names = tuple(dict.fromkeys(NAME.findall(text) if text else dependencies))
    for name in names:
        if name not in dependencies:
            raise InvalidInput(f"conditions: {name!r} is not a dependency of this Sensor; the dependencies are {', '.join(dependencies)}")
        if name in WORDS:
            raise InvalidInput(f"conditions: a dependency called {name!r} is read as an operator, so the condition is never true")
    if text:
        found = Conditions(names, NAME.sub(lambda match: f"d{names.index(match[0])}", text), "&" in text)
    else:
        found = Conditions(names, " && ".join(f"d{index}" for index in range(len(names))), len(names) > 1)
    found.hold(())
    found.hold(names)
    return found
