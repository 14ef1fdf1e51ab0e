"""`{{name}}` and `{{=expression}}` in JSON trees, as Argo Workflows substitutes them: one pass, nothing is expanded twice."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localargo.expressions import ExpressionError, exprlang, sprig_names
from localargo.expressions.gotext import go_quote
from localargo.expressions.rawjson import dumps, quote
from localargo.expressions.values import plain_tree

Json = Any

# Argo leaves an expression as it is while one of these is unknown: compared with nil, it would have a value too early
_LATE = {"item", "retries", "workflow.status", "workflow.failures"} | {
    f"lastRetry.{name}" for name in ("exitCode", "status", "duration", "message")
}


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag. `text`: the name or the expression, without braces, `=` and outer blanks; `path`: the location of its string in the tree."""

    text: str
    expression: bool
    path: str


class UnresolvedTag(ExpressionError):
    """A tag under a strict prefix has no value (yet): Argo's "failed to resolve {{name}}"."""

    def __init__(self, name: str, message: str = "") -> None:
        super().__init__(message or f"failed to resolve {{{{{name}}}}}")
        self.name = name


class AbsentValue(ExpressionError):
    """A plain tag names an optional output that was never written (its node was skipped or omitted)."""

    def __init__(self, name: str) -> None:
        super().__init__(f"unable to substitute {{{{{name}}}}}: output is an absent optional (skipped/omitted node with no default)")
        self.name = name


def explode(scope: Mapping[str, Json]) -> dict[str, Json]:
    """Flat dotted names as nested maps: `a.b.c` -> {a: {b: {c: ...}}}. The parent of another name is replaced by it."""
    result: dict[str, Json] = {}
    parents = {name[:index] for name in scope for index, char in enumerate(name) if char == "."}
    for name, value in scope.items():
        if name in parents:
            continue
        parts = name.split(".")
        place = result
        for part in parts[:-1]:
            inner = place.setdefault(part, {})
            if not isinstance(inner, dict):
                inner = place[part] = {}
            place = inner
        place[parts[-1]] = value
    return result


def substitute(tree: Json, scope: Mapping[str, str | None], *, strict: Sequence[str] = (), env: Mapping[str, Json] | None = None) -> Json:
    """Replace the tags in every string, keys too; a new tree.

    A plain tag becomes the text that `scope` has under its name. `None` there is an absent optional: AbsentValue in a plain tag, nil
    in an expression. An unknown name stays as it is, unless it is one of `strict` or below one (`tasks.a` covers
    `tasks.a.status`; `"*"` covers every name): then UnresolvedTag. Names of artifacts stay nevertheless (except with `"*"`).

    An expression sees `scope` exploded into nested maps, with `env` merged over it. One that cannot be evaluated, or gives nil, stays as
    it is if one of its names is unknown or nothing is strict; otherwise ExpressionError "failed to evaluate expression: ...".
    Text that is not an expression always raises it.
    """
    return _Substitution(scope, tuple(strict), env or {}).tree(tree)


def tags(tree: Json) -> Iterator[Tag]:
    """Every tag of every string, keys too, innermost of nested ones first."""
    for path, text in _strings(tree, ""):
        for found in _TAG.finditer(text):
            yield from _tags_of(found[1], path)


# Argo writes a value into the manifest's JSON with Go's escapes; those of these characters (`\\a`, `\\v`, `\\x1b`) are not JSON's
_NO_JSON = re.compile("[\\x00-\\x07\\x0b\\x0e-\\x1f\\x7f]")
_TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


def _tags_of(inside: str, path: str) -> Iterator[Tag]:
    if inside.startswith("="):
        yield Tag(inside[1:].strip(), True, path)
        return
    head, braces, nested = inside.rpartition("{{")
    if braces and nested.startswith("="):
        yield Tag(nested[1:].strip(), True, path)
    elif braces:
        yield Tag(nested.strip(), False, path)
    else:
        yield Tag(head.strip() or nested.strip(), False, path)


def _strings(tree: Json, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(tree, str):
        yield path, tree
    elif isinstance(tree, dict):
        for key, value in tree.items():
            below = f"{path}.{key}" if path else str(key)
            if isinstance(key, str):
                yield below, key
            yield from _strings(value, below)
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from _strings(value, f"{path}[{index}]")


class _Substitution:
    def __init__(self, scope: Mapping[str, str | None], strict: tuple[str, ...], extras: Mapping[str, Json]) -> None:
        self.scope = scope
        self.strict = strict
        self.extras = extras

    @functools.cached_property
    def env(self) -> dict[str, Json]:
        return {**explode(self.scope), **{name: plain_tree(value) for name, value in self.extras.items()}}

    def tree(self, tree: Json) -> Json:
        if isinstance(tree, str):
            return self.text(tree) if "{{" in tree else tree
        if isinstance(tree, dict):
            return {self.tree(key): self.tree(value) for key, value in tree.items()}
        if isinstance(tree, list):
            return [self.tree(value) for value in tree]
        return tree

    def text(self, text: str) -> str:
        return _TAG.sub(lambda found: self.replace(found[0], found[1]), text)

    def replace(self, whole: str, inside: str) -> str:
        if inside.startswith("="):
            return self.expression(whole, inside[1:])
        name = inside.strip()
        if name in self.scope:
            return self.plain(name)
        head, braces, nested = inside.rpartition("{{")
        if braces and nested in self.scope:
            return "{{" + head + self.plain(nested)  # the closing braces that were found belong to the inner tag
        if self.is_strict(name) and ("*" in self.strict or ".outputs.artifacts." not in name):
            raise UnresolvedTag(name)
        return whole

    def plain(self, name: str) -> str:
        value = self.scope[name]
        if value is None:
            raise AbsentValue(name)
        if _NO_JSON.search(value):
            raise ExpressionError("cannot finish template replacement because the result was invalid JSON")
        return value

    def is_strict(self, name: str) -> bool:
        return any(prefix == "*" or name == prefix or name.startswith(f"{prefix}.") for prefix in self.strict)

    def expression(self, whole: str, text: str) -> str:
        try:
            program = exprlang.compile(text)
        except ExpressionError as error:  # text that is not an expression is never left for later
            raise ExpressionError(f"failed to evaluate expression: {exprlang.pointed(error, text)}", error.position) from error
        missing = [name for name in sorted(program.required) if not self.known(name)]
        missing += [f"sprig.{name}" for name in program.sprig if name not in sprig_names.NAMES]
        for name in missing:
            if self.is_strict(name):
                raise UnresolvedTag(name, f"failed to evaluate expression: {name} is missing")
        lenient = bool(missing) or not self.strict
        if lenient and any(name in _LATE for name in missing):
            return whole
        return self.evaluate(whole, program, lenient)

    def evaluate(self, whole: str, program: exprlang.Program, lenient: bool) -> str:
        try:
            result = program.evaluate(self.env)
        except ExpressionError as error:
            if lenient:
                return whole
            raise ExpressionError(f"failed to evaluate expression: {exprlang.pointed(error, program.text)}", error.position) from error
        if result is None and not lenient:
            written = quote(whole[3:-2])[1:-1]  # Argo shows the expression as the manifest's JSON has it
            raise ExpressionError(f"failed to evaluate expression {go_quote(written)}")
        try:
            return whole if result is None else _as_text(result)
        except ExpressionError as error:
            if lenient:
                return whole
            raise ExpressionError(f"failed to marshal evaluated expression: {error}") from error

    def known(self, name: str) -> bool:
        if name in self.scope:
            return True
        place: Json = self.env
        for part in name.split("."):
            if not isinstance(place, dict) or part not in place:
                return False
            place = place[part]
        return True


def _as_text(result: Json) -> str:
    if isinstance(result, str):
        return result
    written = dumps(result, html=True)
    return written[1:-1] if written.startswith('"') else written  # a time
