"""JSONPath (`$.a[1].v`, kubectl's `{.a.b}`): the steps without scripts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from localargo.expressions import ExpressionError
from localargo.expressions.values import Budget, equal, is_number, less, plain

Json = Any

_STEP = re.compile(
    r"""\.\.(?P<deep>[\w$-]+|\*)|\.(?P<name>(?:\\.|[^\s.\[\]{}()'"\\])+)|\[(?P<inside>(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\[\]'"]|\[[^\]]*\])*)\]|(?P<deepdot>\.\.)(?=\[)"""
)
_FILTER = re.compile(r"\s*@((?:\.[\w-]+|\[[^\]]+\])*)\s*(?:(==|!=|>=|<=|>|<)\s*(.+?))?\s*")
_WORDS = re.compile(r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|(?!&&|\|\|).)+|&&|\|\|""", re.DOTALL)


def query(doc: Json, path: str, budget: Budget | None = None) -> Json:
    """The value of a definite path, or the list of all values when the path has `*`, `..`, a slice, a union or a filter.

    ExpressionError when the path is wrong or a definite path does not exist.
    """
    steps = parse(path)
    found = select(doc, steps, budget or Budget())
    if any(step[0] not in ("name", "index") for step in steps):
        return found
    if not found:
        raise ExpressionError(_lost(doc, steps, path))
    return found[0]


def _lost(doc: Json, steps: list[Step], path: str) -> str:
    """Which step of a definite path does not exist, with the message of Argo's library."""
    place = doc
    for kind, key in steps:
        if kind == "name" and isinstance(place, dict):
            if key not in place:
                return f"key: invalid token key '{key}' not found"
        elif kind == "index" and isinstance(place, list):
            if not -len(place) <= key < len(place):
                return "index: invalid token out of range"
        else:
            break
        place = place[key]
    return f"key: invalid token key not found: '{path}'"


Step = tuple[str, Any]


def parse(path: str) -> list[Step]:
    """The steps of a path. A leading `$`, `@` or dot may be left out, as kubectl allows."""
    text = path.strip()
    if len(text) > 1_000:
        raise ExpressionError("JSONPath longer than 1000 characters")
    text = text[1:] if text[:1] in ("$", "@") else text
    text = f".{text}" if text and text[0] not in ".[" else text
    steps: list[Step] = []
    at = 0
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None:
            raise ExpressionError(f"JSONPath {path!r}: cannot read {text[at:]!r}", at)
        steps.extend(_steps(found, path))
        at = found.end()
    return steps


def _steps(found: re.Match[str], path: str) -> Iterator[Step]:
    if found["deepdot"]:
        yield ("deep", None)
    elif found["deep"]:
        yield ("deep", None)
        yield ("all", None) if found["deep"] == "*" else ("names", [found["deep"]])
    elif found["name"]:
        yield ("all", None) if found["name"] == "*" else ("name", found["name"].replace("\\.", "."))
    else:
        yield _bracket(found["inside"].strip(), path)


def _bracket(inside: str, path: str) -> Step:
    if inside == "*":
        return ("all", None)
    if re.fullmatch(r"-?[0-9]{1,9}", inside):
        return ("index", int(inside))
    if re.fullmatch(r"(-?[0-9]{1,9})?\s*:\s*(-?[0-9]{1,9})?(\s*:\s*(-?[0-9]{1,9})?)?", inside):
        bounds = [int(part) if part.strip() else None for part in inside.split(":")]
        if bounds[2:] == [0]:
            raise ExpressionError(f"JSONPath {path!r}: a slice cannot step by 0")
        return ("slice", slice(*bounds))
    if inside.startswith("?"):
        ways = _conditions(inside[1:].strip(), path)
        if ways:
            return ("filter", ways)
    elif inside[:1] in ("'", '"'):
        names = [_quoted(part, path) for part in re.findall(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", inside)]
        return ("name", names[0]) if len(names) == 1 else ("names", names)
    elif re.fullmatch(r"[0-9]{1,9}(\s*,\s*[0-9]{1,9})+", inside):
        return ("indexes", [int(part) for part in inside.split(",")])
    elif re.fullmatch(r"[\w-]+", inside):
        return ("name", inside)
    raise ExpressionError(f"JSONPath {path!r}: [{inside}] is not supported")


Condition = tuple[list[Step], str | None, Json]


def _conditions(text: str, path: str) -> list[list[Condition]]:
    """A filter as alternatives, each a list of conditions that must all hold; empty when it cannot be parsed."""
    text = text[1:-1] if text.startswith("(") and text.endswith(")") else text
    ways: list[list[Condition]] = [[]]
    words = _WORDS.findall(text)
    for place, word in enumerate(words):
        found = _FILTER.fullmatch(word)
        if place % 2 == 0 and found:
            ways[-1].append((parse(f"@{found[1]}"), found[2], _constant(found[3], path) if found[2] else None))
        elif place % 2 == 1 and word == "||":
            ways.append([])
        elif place % 2 == 0 or word != "&&":
            return []
    return ways if len(words) % 2 else []


def _quoted(text: str, path: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def _constant(text: str, path: str) -> Json:
    if text[:1] in ("'", '"') and text[-1:] == text[:1]:
        return _quoted(text, path)
    try:
        return json.loads(text)
    except ValueError as error:
        raise ExpressionError(f"JSONPath {path!r}: cannot compare with {text!r}") from error


def select(doc: Json, steps: list[Step], budget: Budget) -> list[Json]:
    """Every value at the end of the steps, in document order."""
    found = [doc]
    for kind, detail in steps:
        following: list[Json] = []
        for value in found:
            for reached in _follow(plain(value), kind, detail, budget):
                budget.step()
                following.append(reached)
        found = following
    return [plain(value) for value in found]


def _follow(value: Json, kind: str, detail: Json, budget: Budget) -> Iterator[Json]:
    if kind == "deep":
        yield from _descend(value)
    elif isinstance(value, dict):
        if kind == "all":
            yield from (value[key] for key in sorted(value))
        elif kind in ("name", "names"):
            yield from (value[name] for name in ([detail] if kind == "name" else detail) if name in value)
        elif kind == "filter":
            yield from (item for _, item in sorted(value.items()) if _passes(item, detail, budget))
    elif isinstance(value, list):
        if kind == "all":
            yield from value
        elif kind in ("index", "indexes"):
            yield from (value[index] for index in ([detail] if kind == "index" else detail) if -len(value) <= index < len(value))
        elif kind == "slice":
            yield from value[detail]
        elif kind == "filter":
            yield from (item for item in value if _passes(item, detail, budget))


def _descend(value: Json) -> Iterator[Json]:
    stack = [value]
    while stack:
        found = stack.pop()
        if isinstance(found, (dict, list)):
            yield found
            stack.extend(reversed([found[key] for key in sorted(found)] if isinstance(found, dict) else found))


def _passes(item: Json, ways: list[list[Condition]], budget: Budget) -> bool:
    return any(all(_holds(item, condition, budget) for condition in way) for way in ways)


def _holds(item: Json, condition: Condition, budget: Budget) -> bool:
    steps, operator, constant = condition
    found = select(item, steps, budget)
    if operator is None or not found:
        return bool(found) if operator is None else False
    value = found[0]
    if operator in ("==", "!="):
        return equal(value, constant) == (operator == "==")
    if not (is_number(value) and is_number(constant)) and not (isinstance(value, str) and isinstance(constant, str)):
        return False
    below, above = less(value, constant), less(constant, value)
    return {"<": below, ">": above, "<=": not above, ">=": not below}[operator]
