"""`depends` of a DAG task: names, their results, `&&`, `||`, `!` and parentheses."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from localargo.expressions import ExpressionError

RESULTS = ("Succeeded", "Failed", "Errored", "Skipped", "Omitted", "Daemoned", "AnySucceeded", "AllFailed")
DEFAULT = ("Succeeded", "Skipped", "Daemoned")
"""The results that a name alone means."""

_TOKEN = re.compile(r"\s*(&&|\|\||!|\(|\)|[a-zA-Z0-9][-a-zA-Z0-9]*(?:\.[A-Za-z]+)?)")
_DEPTH = 50


@dataclass(frozen=True, slots=True)
class _Term:
    """`all`, `any` or `not` of parts, or `result` of the task `name` (empty: the default results)."""

    operator: str
    parts: tuple[_Term, ...] = ()
    name: str = ""
    result: str = ""


class Depends:
    """A parsed `depends`. `names`: the tasks in it, in order; `items`: those with AnySucceeded or AllFailed."""

    __slots__ = ("_term", "items", "names", "results", "text")

    def __init__(self, text: str, term: _Term) -> None:
        self.text = text
        self._term = term
        found = list(_leaves(term))
        self.names = tuple(dict.fromkeys(leaf.name for leaf in found))
        self.items = frozenset(leaf.name for leaf in found if leaf.result in ("AnySucceeded", "AllFailed"))
        self.results: Mapping[str, frozenset[str]] = {
            name: frozenset(word for leaf in found if leaf.name == name for word in ([leaf.result] if leaf.result else DEFAULT))
            for name in self.names
        }
        """Which results of each task the text names (those of `DEFAULT` for a name alone)."""

    def evaluate(self, results: Mapping[str, Mapping[str, bool]], default: Mapping[str, tuple[str, ...]] | None = None) -> bool:
        """Whether the condition holds. `results`: task -> result -> true; missing results are false, missing tasks an error.

        `default` replaces what a name alone means, by task (a task with continueOn adds Errored or Failed).
        """
        return _evaluate(self._term, results, default or {})


def _leaves(term: _Term) -> Iterator[_Term]:
    if term.name:
        yield term
    for part in term.parts:
        yield from _leaves(part)


def _evaluate(term: _Term, results: Mapping[str, Mapping[str, bool]], default: Mapping[str, tuple[str, ...]]) -> bool:
    if term.operator == "all":
        return all(_evaluate(part, results, default) for part in term.parts)
    if term.operator == "any":
        return any(_evaluate(part, results, default) for part in term.parts)
    if term.operator == "not":
        return not _evaluate(term.parts[0], results, default)
    if term.name not in results:
        raise ExpressionError(f"unknown name {term.name}")
    words = (term.result,) if term.result else default.get(term.name, DEFAULT)
    return any(results[term.name].get(word, False) for word in words)


@functools.lru_cache(maxsize=4096)
def parse_depends(text: str) -> Depends:
    """Parse. ExpressionError with position; an unknown result gives Argo's message."""
    return Depends(text, _Parser(text).whole())


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, int]] = []
        self.index = 0
        self.depth = 0
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if found is None:
                place = at + len(text[at:]) - len(text[at:].lstrip())
                problem = f"depends '{text}': unexpected {text[place]!r} at {place + 1}"
                raise ExpressionError(f"{problem} (use names, && || ! and parentheses)", place)
            self.tokens.append((found[1], found.start(1)))
            at = found.end()
        self.text = text

    def current(self) -> str:
        return self.tokens[self.index][0] if self.index < len(self.tokens) else ""

    def fail(self) -> ExpressionError:
        if self.index >= len(self.tokens):
            return ExpressionError(f"depends '{self.text}': unexpected end", len(self.text))
        word, at = self.tokens[self.index]
        return ExpressionError(f"depends '{self.text}': unexpected '{word}' at {at + 1}", at)

    def whole(self) -> _Term:
        term = self.series("any", "||")
        if self.index < len(self.tokens):
            raise self.fail()
        return term

    def series(self, operator: str, sign: str) -> _Term:
        parts = [self.part(operator)]
        while self.current() == sign:
            self.index += 1
            parts.append(self.part(operator))
        return parts[0] if len(parts) == 1 else _Term(operator, tuple(parts))

    def part(self, operator: str) -> _Term:
        return self.series("all", "&&") if operator == "any" else self.unit()

    def unit(self) -> _Term:
        word = self.current()
        if word == "!":
            self.index += 1
            return self.deeper(lambda: _Term("not", (self.unit(),)))
        if word == "(":
            self.index += 1
            term = self.deeper(lambda: self.series("any", "||"))
            if self.current() != ")":
                raise self.fail()
            self.index += 1
            return term
        if not word or not word[0].isalnum():
            raise self.fail()
        self.index += 1
        name, _, result = word.partition(".")
        if result and result not in RESULTS:
            raise ExpressionError(f"task result '{result}' for task '{name}' is invalid", self.tokens[self.index - 1][1])
        return _Term("", name=name, result=result)

    def deeper(self, parse: Callable[[], _Term]) -> _Term:
        self.depth += 1
        if self.depth > _DEPTH:
            raise ExpressionError(f"depends '{self.text}': nests deeper than {_DEPTH}")
        term = parse()
        self.depth -= 1
        return term
