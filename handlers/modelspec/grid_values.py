"""Values of a grid that are given from outside the spec, as `RETRAIN_GRID_<NAME>=[...]`: data, checked as the spec's own are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, NoReturn

from pydantic import ValidationError

from handlers.contracts import BadSpec, shown
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.supported import unsupported

PREFIX = "RETRAIN_GRID_"


def replaced(spec: ModelSpec, lines: str, environment: Mapping[str, str]) -> ModelSpec:
    """The spec with the values that `lines` (a variable on each) and the environment give for parameters of its grid."""
    given = _given(lines, environment)
    if not given:
        return spec
    tree = spec.tree()
    grid = tree["search"]["grid"] or {}
    for variable, text in given.items():
        grid[_parameter(variable, list(grid), spec.name)] = _values(variable, text)
    try:
        found = ModelSpec.model_validate_json(json.dumps(tree))
    except ValidationError as error:
        raise BadSpec(f"{', '.join(given)}: {error.errors()[0]['msg']}") from error
    for path, message in unsupported(found):
        raise BadSpec(f"{', '.join(given)}: {'.'.join(map(str, path))}: {message}")
    return found


def _given(lines: str, environment: Mapping[str, str]) -> dict[str, str]:
    """{variable: text} of both; a line that is empty or begins with # says nothing."""
    found = {name: text for name, text in sorted(environment.items()) if name.startswith(PREFIX)}
    for number, line in enumerate(lines.splitlines(), 1):
        name, equals, text = (part.strip() for part in line.partition("="))
        if not name or name.startswith("#"):
            continue
        where = f"ConfigMap grids, line {number}"
        if not equals or not name.startswith(PREFIX):
            raise BadSpec(
                f"{where}: {shown(line)} is not accepted; accepted: {PREFIX}<NAME>=[...], with the name of a parameter of search.grid"
            )
        if name in found:
            raise BadSpec(f"{where}: {name} is given already; give it once")
        found[name] = text
    return found


def _parameter(variable: str, grid: list[str], model: str) -> str:
    name = variable.removeprefix(PREFIX)
    found = [each for each in grid if each.upper() == name.upper()]
    if len(found) == 1:
        return found[0]
    near = get_close_matches(name.upper(), [each.upper() for each in grid], n=1)
    known = ", ".join(PREFIX + each.upper() for each in grid) or "none: the spec has no search.grid"
    hint = f"did you mean {PREFIX}{near[0]}?" if near and not found else f"accepted: {known}"
    raise BadSpec(f"{variable}: the grid of model {model} has no parameter of this name; {hint}")


def _values(variable: str, text: str) -> list[Any]:
    def refuse(_constant: str = "") -> NoReturn:
        raise BadSpec(f"{variable}: {shown(text)} is not accepted; accepted: a JSON list of at least one value, such as [0.001, 0.01]")

    try:
        found = json.loads(text, parse_constant=refuse)
    except ValueError:
        refuse()
    if not isinstance(found, list) or not found:
        refuse()
    return found
