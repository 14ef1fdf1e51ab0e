"""Parameters of estimators: those that an estimator has, and those that belong elsewhere in the spec."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any

from handlers.errors import BadSpec


def check(
    estimator: str, params: Mapping[str, Any], known: Collection[str], elsewhere: Mapping[str, str], ours: Collection[str] = ()
) -> None:
    """Raise BadSpec for a parameter that the estimator does not have, that is decided where `elsewhere` says, or that nobody may choose."""
    for name in params:
        if name in ours:
            raise BadSpec(f"model.params.{name}: {estimator} has it, but it cannot be chosen here; remove it")
        if name in elsewhere:
            raise BadSpec(f"model.params.{name}: not accepted here; use {elsewhere[name]} instead")
        if name not in known:
            near = get_close_matches(name, known, n=1)
            accepted = [each for each in known if each not in elsewhere and each not in ours]
            hint = f"did you mean {near[0]!r}?" if near else f"accepted: {', '.join(accepted)}"
            raise BadSpec(f"model.params.{name}: {estimator} has no such parameter; {hint}")
