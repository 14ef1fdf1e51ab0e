"""GJSON's path language: keys, wildcards, indexes, `#`, queries, pipes and the modifiers that do not change text."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from localargo.expressions import ExpressionError, UnsupportedExpression
from localargo.expressions.gjson_scan import Found, members
from localargo.expressions.rawjson import dumps, loads, quote
from localargo.expressions.values import Budget

_LENGTH = 2_000
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_OPERATOR = re.compile(r"==|!=|<=|>=|!%|=|<|>|%")


@dataclass(frozen=True, slots=True)
class Component:
    """One step. `piped`: it follows a `|`, so it applies to the whole result before it."""

    kind: Literal["key", "count", "query", "modifier"]
    name: str = ""
    piped: bool = False
    wild: bool = False
    forced: bool = False  # `:1` in a path to write: a key, not an index
    every: bool = False  # `#(...)#`
    path: tuple[Component, ...] = ()
    operator: str = ""
    operand: str = ""

    def matches(self, key: str) -> bool:
        """Whether the step is a key of an object."""
        return _glob(self.name, key) if self.wild else key == self.name

    def accepts(self, raw: str, budget: Budget) -> bool:
        """Whether an element (its JSON text) fulfils the query."""
        found = follow(raw, list(self.path), budget) if self.path else raw
        if found is None:
            return False
        return not self.operator or _compare(Found(True, found), self.operator, self.operand)


def _glob(pattern: str, text: str) -> bool:
    """`*` and `?`, in time at most proportional to the product of the lengths."""
    star = -1
    at = mark = position = 0
    while at < len(text):
        if position < len(pattern) and pattern[position] == "*":
            star, mark = position, at
            position += 1
        elif position < len(pattern) and pattern[position] in ("?", text[at]):
            position += 1
            at += 1
        elif star >= 0:
            position, mark = star + 1, mark + 1
            at = mark
        else:
            return False
    return all(char == "*" for char in pattern[position:])


def parse_path(path: str) -> list[Component]:
    """The path's steps. UnsupportedExpression for multipaths (`{a,b}`) and literals (`!`)."""
    if len(path) > _LENGTH:
        raise ExpressionError(f"path longer than {_LENGTH} characters")
    found: list[Component] = []
    at, piped = 0, False
    while at < len(path):
        component, at = _component(path, at, piped)
        found.append(component)
        if at < len(path):
            piped = path[at] == "|"
            at += 1
            if at == len(path):
                found.append(Component("key", "", piped))  # a path that ends in a dot ends with the empty key
    return found


def _component(path: str, at: int, piped: bool) -> tuple[Component, int]:
    char = path[at]
    if char in "{[!":
        what = "a literal" if char == "!" else "a multipath"
        raise UnsupportedExpression(
            f"path {path!r}: {what} ({char!r} at {at + 1}) is not supported; write a plain path or a jq transform", at
        )
    if char == "@":
        end = min((index for index in (path.find(".", at), path.find("|", at)) if index >= 0), default=len(path))
        return Component("modifier", path[at + 1 : end], piped), end
    if path.startswith("#(", at) or path.startswith("#[", at):
        return _query(path, at, piped)
    if char == "#" and path[at + 1 : at + 2] in ("", ".", "|"):
        return Component("count", "#", piped), at + 1
    return _key(path, at, piped)


def _key(path: str, at: int, piped: bool) -> tuple[Component, int]:
    forced = path[at] == ":" and path[at + 1 : at + 2].isdigit()
    parts: list[str] = []
    wild = False
    while at < len(path) and path[at] not in ".|":
        if path[at] == "\\" and at + 1 < len(path):
            at += 1
        elif path[at] in "*?":
            wild = True
        parts.append(path[at])
        at += 1
    return Component("key", "".join(parts), piped, wild, forced), at


def _query(path: str, start: int, piped: bool) -> tuple[Component, int]:
    depth, at, quoted = 0, start + 1, False
    while at < len(path):
        char = path[at]
        if char == "\\":
            at += 1
        elif char == '"':
            quoted = not quoted
        elif not quoted and char in "([":
            depth += 1
        elif not quoted and char in ")]":
            depth -= 1
            if depth == 0:
                break
        at += 1
    if at >= len(path):
        raise ExpressionError(f"path {path!r}: unclosed query", start)
    inside = path[start + 2 : at].strip()
    every = path[at + 1 : at + 2] == "#"
    left, operator, operand = _condition(inside)
    inner = tuple(parse_path(left))
    return Component("query", inside, piped, every=every, path=inner, operator=operator, operand=operand), at + 1 + every


def _condition(inside: str) -> tuple[str, str, str]:
    """Path, operator and operand; the operator is the first outside nested queries and quotes."""
    depth, at, quoted = 0, 0, False
    while at < len(inside):
        char = inside[at]
        operator = _OPERATOR.match(inside, at)
        if char == "\\":
            at += 1
        elif char == '"':
            quoted = not quoted
        elif not quoted and operator and depth == 0:
            return inside[:at].strip(), operator[0], inside[operator.end() :].strip()
        elif not quoted:
            depth += (char in "([") - (char in ")]")
        at += 1
    return inside, "", ""


def _compare(found: Found, operator: str, operand: str) -> bool:
    operator = "==" if operator == "=" else operator
    text = re.sub(r"\\(.)", r"\1", operand[1:-1]) if operand[:1] == '"' else operand
    if found.kind == "String":
        return _order(str(found.value), text, operator)
    if found.kind == "Number":
        return _order(found.number, float(text) if _NUMBER.fullmatch(text) else 0.0, operator)
    if found.kind in ("True", "False"):
        mine = found.kind.lower()
        passing = {"==": text == mine, "!=": text != mine, "<=": mine == "false", ">=": mine == "true"}
        passing |= {"<": mine == "false" and text == "true", ">": mine == "true" and text == "false"}
        return passing.get(operator, False)
    return False


def _order(left: str | float, right: str | float, operator: str) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        if operator in ("%", "!%"):
            return _glob(right, left) == (operator == "%")
        return _ranked((left > right) - (left < right), operator)
    return not isinstance(left, str) and not isinstance(right, str) and _ranked((left > right) - (left < right), operator)


def _ranked(sign: int, operator: str) -> bool:
    return {"==": sign == 0, "!=": sign != 0, "<": sign < 0, "<=": sign <= 0, ">": sign > 0, ">=": sign >= 0}.get(operator, False)


def follow(raw: str, components: list[Component], budget: Budget) -> str | None:
    """The JSON text at the end of the steps; None when it does not exist."""
    found: str | None = raw if components else None
    for index, component in enumerate(components):
        budget.step()
        if found is None:
            return None
        if found[:1] == "{" and component.wild:
            return _first(found, component, components[index + 1 :], budget)
        if component.kind in ("count", "query") and (component.kind == "count" or component.every):
            return _each(found, component, components[index + 1 :], budget)
        found = _step(found, component, budget)
    return found


def _first(raw: str, component: Component, rest: list[Component], budget: Budget) -> str | None:
    """The first key that matches the wildcard and below which the rest of the path exists."""
    for key, value in members(raw):
        if component.matches(key):
            reached = follow(value, rest, budget) if rest else value
            if reached is not None:
                return reached
    return None


def _each(raw: str, component: Component, rest: list[Component], budget: Budget) -> str | None:
    if raw[:1] != "[":
        return None
    pipe = next((index for index, step in enumerate(rest) if step.piped), len(rest))
    inner, outer = rest[:pipe], rest[pipe:]
    items = [item for _, item in members(raw)]
    budget.step(len(items))
    if component.kind == "query":
        items = [item for item in items if component.accepts(item, budget)]
    elif not inner:
        result = str(len(items))
        return follow(result, outer, budget) if outer else result
    reached = items if not inner else [found for item in items for found in [follow(item, inner, budget)] if found is not None]
    result = f"[{','.join(reached)}]"
    return follow(result, outer, budget) if outer else result


def _step(raw: str, component: Component, budget: Budget) -> str | None:
    if component.kind == "modifier":
        modifier = _MODIFIERS.get(component.name.partition(":")[0])
        return None if modifier is None else modifier(raw)
    if raw[:1] == "{" and component.kind == "key":
        return next((value for key, value in members(raw) if component.matches(key)), None)
    if raw[:1] != "[":
        return None
    if component.kind == "query":
        return next((item for _, item in members(raw) if component.accepts(item, budget)), None)
    if not re.fullmatch(r"[0-9]{1,9}", component.name):
        return None
    wanted = int(component.name)
    return next((item for index, (_, item) in enumerate(members(raw)) if index == wanted), None)


def _reverse(raw: str) -> str:
    if raw[:1] == "[":
        return f"[{','.join(reversed([item for _, item in members(raw)]))}]"
    if raw[:1] == "{":
        return "{" + ",".join(f"{quote(key)}:{value}" for key, value in reversed(list(members(raw)))) + "}"
    return raw


def _from_text(raw: str) -> str | None:
    try:
        inner = str(Found(True, raw).value) if raw[:1] == '"' else ""
        loads(inner)
    except ExpressionError:
        return None
    return inner.strip()


def _flatten(raw: str) -> str:
    if raw[:1] != "[":
        return raw
    return f"[{','.join(inner for _, item in members(raw) for inner in ([i for _, i in members(item)] if item[:1] == '[' else [item]))}]"


_MODIFIERS: dict[str, Callable[[str], str | None]] = {
    "this": lambda raw: raw,
    "valid": lambda raw: raw,
    "reverse": _reverse,
    "flatten": _flatten,
    "keys": lambda raw: f"[{','.join(quote(key) for key, _ in members(raw))}]" if raw[:1] == "{" else "[]",
    "values": lambda raw: f"[{','.join(value for _, value in members(raw))}]",
    "tostr": quote,
    "fromstr": _from_text,
    "ugly": lambda raw: dumps(loads(raw), sort=False),
}
