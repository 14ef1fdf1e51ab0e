"""Lua's `string`: its functions, and its patterns, matched with bounded backtracking."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localargo.expressions import ExpressionError
from localargo.expressions.goprintf import sprintf
from localargo.expressions.lua_values import Builtin, Table, number_of, text_of, truth, type_name
from localargo.expressions.values import Budget

CLASSES: dict[str, Callable[[str], bool]] = {
    "a": lambda c: c.isascii() and c.isalpha(),
    "d": lambda c: c.isascii() and c.isdigit(),
    "l": lambda c: c.isascii() and c.islower(),
    "u": lambda c: c.isascii() and c.isupper(),
    "w": lambda c: c.isascii() and c.isalnum(),
    "s": lambda c: c in " \t\n\r\f\v",
    "p": lambda c: c.isascii() and c.isprintable() and not c.isalnum() and c != " ",
    "x": lambda c: c in "0123456789abcdefABCDEF",
    "c": lambda c: ord(c) < 32 or ord(c) == 127,
}
SPECIAL = "^$*+?.([%-"


class Matcher:
    """One pattern on one text. `found` holds the captures of the last match as (start, end); end -1: the position alone."""

    def __init__(self, pattern: str, text: str, budget: Budget) -> None:
        self.pattern = pattern
        self.text = text
        self.budget = budget
        self.found: list[tuple[int, int | None]] = []

    def at(self, start: int, pattern_start: int) -> int | None:
        """The end of a match from `start`."""
        self.found = []
        return self._match(start, pattern_start)

    def captures(self, start: int, end: int, whole: bool) -> list[Any]:
        """The captures; the whole match when there are none and `whole` is set."""
        if not self.found:
            return [self.text[start:end]] if whole else []
        return [float(a + 1) if b == -1 else self.text[a:b] for a, b in self.found]

    def _match(self, s: int, p: int) -> int | None:
        while True:
            self.budget.step()
            if p >= len(self.pattern):
                return s
            char = self.pattern[p]
            if char == "(":
                return self._open(s, p)
            if char == ")":
                return self._close(s, p)
            if char == "$" and p + 1 == len(self.pattern):
                return s if s == len(self.text) else None
            end = self._item_end(p)
            repeat = self.pattern[end : end + 1]
            if repeat == "?":
                if self._single(s, p, end) and (found := self._match(s + 1, end + 1)) is not None:
                    return found
                p = end + 1
            elif repeat in ("*", "+") and repeat:
                return self._longest(s, p, end, 1 if repeat == "+" else 0)
            elif repeat == "-":
                return self._shortest(s, p, end)
            elif self._single(s, p, end):
                s, p = s + 1, end
            else:
                return None

    def _open(self, s: int, p: int) -> int | None:
        position = self.pattern[p + 1 : p + 2] == ")"
        self.found.append((s, -1 if position else None))
        found = self._match(s, p + 2 if position else p + 1)
        if found is None:
            self.found.pop()
        return found

    def _close(self, s: int, p: int) -> int | None:
        opened = [i for i, (_, end) in enumerate(self.found) if end is None]
        if not opened:
            raise ExpressionError("malformed pattern (unmatched ')')")
        before = self.found[opened[-1]]
        self.found[opened[-1]] = (before[0], s)
        found = self._match(s, p + 1)
        if found is None:
            self.found[opened[-1]] = before
        return found

    def _longest(self, s: int, p: int, end: int, least: int) -> int | None:
        count = 0
        while self._single(s + count, p, end):
            count += 1
        while count >= least:
            found = self._match(s + count, end + 1)
            if found is not None:
                return found
            count -= 1
        return None

    def _shortest(self, s: int, p: int, end: int) -> int | None:
        while True:
            found = self._match(s, end + 1)
            if found is not None or not self._single(s, p, end):
                return found
            s += 1

    def _item_end(self, p: int) -> int:
        if self.pattern[p] == "%":
            if p + 1 >= len(self.pattern):
                raise ExpressionError("malformed pattern (ends with '%')")
            if self.pattern[p + 1] in "bf0123456789":
                raise ExpressionError(f"pattern %{self.pattern[p + 1]} is not supported")
            return p + 2
        if self.pattern[p] != "[":
            return p + 1
        p += 2 if self.pattern[p + 1 : p + 2] == "^" else 1
        first = True
        while first or self.pattern[p : p + 1] != "]":
            if p >= len(self.pattern):
                raise ExpressionError("malformed pattern (missing ']')")
            p += 2 if self.pattern[p] == "%" else 1
            first = False
        return p + 1

    def _single(self, s: int, p: int, end: int) -> bool:
        self.budget.step()
        if s >= len(self.text):
            return False
        char, item = self.text[s], self.pattern[p:end]
        if item == ".":
            return True
        if item[0] == "%":
            return _in_class(char, item[1])
        return _in_set(char, item) if item[0] == "[" else char == item


def _in_class(char: str, letter: str) -> bool:
    test = CLASSES.get(letter.lower())
    if test is None:
        return char == letter
    return test(char) != letter.isupper()


def _in_set(char: str, item: str) -> bool:
    negated = item[1] == "^"
    at, last, hit = 2 if negated else 1, len(item) - 1, False
    while at < last:
        if item[at] == "%":
            hit, at = hit or _in_class(char, item[at + 1]), at + 2
        elif at + 2 < last and item[at + 1] == "-":
            hit, at = hit or item[at] <= char <= item[at + 2], at + 3
        else:
            hit, at = hit or char == item[at], at + 1
    return hit != negated


# ---------------------------------------------------------------------------------------------- the functions


def _text(arguments: list[Any], index: int) -> str:
    value = arguments[index] if index < len(arguments) else None
    if not isinstance(value, str | float):
        raise ExpressionError(f"bad argument #{index + 1} (string expected, got {type_name(value)})")
    return text_of(value)


def _position(arguments: list[Any], index: int, default: int, size: int) -> int:
    value = number_of(arguments[index]) if index < len(arguments) else None
    at = default if value is None else int(value)
    return at if at >= 0 else max(0, size + at + 1)


def _search(budget: Budget, arguments: list[Any], find: bool) -> list[Any]:
    text, pattern = _text(arguments, 0), _text(arguments, 1)
    start = max(1, _position(arguments, 2, 1, len(text))) - 1
    if find and ((len(arguments) > 3 and truth(arguments[3])) or not any(c in SPECIAL for c in pattern)):
        budget.step(len(text))
        at = text.find(pattern, start)
        return [None] if at < 0 else [float(at + 1), float(at + len(pattern))]
    matcher, anchored = Matcher(pattern, text, budget), pattern.startswith("^")
    for at in range(start, start + 1 if anchored else len(text) + 1):
        end = matcher.at(at, 1 if anchored else 0)
        if end is not None:
            return [float(at + 1), float(end), *matcher.captures(at, end, False)] if find else matcher.captures(at, end, True)
    return [None]


def _gmatch(budget: Budget, arguments: list[Any]) -> list[Any]:
    matcher, place = Matcher(_text(arguments, 1), _text(arguments, 0), budget), [0]

    def following(budget: Budget, _: list[Any]) -> list[Any]:
        for at in range(place[0], len(matcher.text) + 1):
            end = matcher.at(at, 0)
            if end is not None:
                place[0] = end if end > at else at + 1
                return matcher.captures(at, end, True)
        place[0] = len(matcher.text) + 1
        return [None]

    return [Builtin("gmatch", following)]


def _gsub(call: Callable[..., list[Any]], budget: Budget, arguments: list[Any]) -> list[Any]:
    text, pattern, by = _text(arguments, 0), _text(arguments, 1), arguments[2] if len(arguments) > 2 else None
    left = number_of(arguments[3]) if len(arguments) > 3 else None
    matcher, anchored = Matcher(pattern, text, budget), pattern.startswith("^")
    made, at, count = [], 0, 0
    while at <= len(text) and (left is None or count < left):
        end = matcher.at(at, 1 if anchored else 0)
        if end is not None:
            count += 1
            made.append(_replacement(call, by, text[at:end], matcher.captures(at, end, True)))
            budget.take(len(made[-1]))
        if end is not None and end > at:
            at = end
        else:
            made.append(text[at : at + 1])
            at += 1
        if anchored:
            break
    return ["".join(made) + text[at:], float(count)]


def _replacement(call: Callable[..., list[Any]], by: Any, whole: str, captured: list[Any]) -> str:
    if isinstance(by, str | float):
        made, chars = [], iter(text_of(by))
        for char in chars:
            following = next(chars, "") if char == "%" else ""
            if not following.isdigit():
                made.append(following or char)
            elif following == "0" or int(following) <= len(captured):
                made.append(whole if following == "0" else text_of(captured[int(following) - 1]))
            else:
                raise ExpressionError(f"invalid capture index %{following}")
        return "".join(made)
    given = by.get(captured[0]) if isinstance(by, Table) else (call(by, captured) or [None])[0]
    return text_of(given) if truth(given) else whole


def _sub(budget: Budget, arguments: list[Any]) -> list[Any]:
    text = _text(arguments, 0)
    start, end = _position(arguments, 1, 1, len(text)), _position(arguments, 2, len(text), len(text))
    return [text[max(1, start) - 1 : end]]


def _rep(budget: Budget, arguments: list[Any]) -> list[Any]:
    text, count = _text(arguments, 0), int(number_of(arguments[1] if len(arguments) > 1 else None) or 0)
    budget.take(len(text) * max(0, count))
    return [text * max(0, count)]


def _format(budget: Budget, arguments: list[Any]) -> list[Any]:
    values: list[Any] = [int(a) if isinstance(a, float) and a.is_integer() else a for a in arguments[1:]]
    made = sprintf(_text(arguments, 0), values)
    budget.take(len(made))
    return [made]


def functions(call: Callable[..., list[Any]]) -> dict[str, Any]:
    """The functions of `string`."""
    return {
        "find": lambda b, a: _search(b, a, True),
        "match": lambda b, a: _search(b, a, False),
        "gmatch": _gmatch,
        "gsub": lambda b, a: _gsub(call, b, a),
        "sub": _sub,
        "rep": _rep,
        "format": _format,
        "lower": lambda b, a: [_text(a, 0).lower()],
        "upper": lambda b, a: [_text(a, 0).upper()],
        "len": lambda b, a: [float(len(_text(a, 0).encode()))],
        "reverse": lambda b, a: [_text(a, 0)[::-1]],
        "byte": lambda b, a: [float(c) for c in _text(a, 0).encode()[max(1, _position(a, 1, 1, len(_text(a, 0)))) - 1 :][:1]],
        "char": lambda b, a: ["".join(chr(int(number_of(c) or 0) & 0xFF) for c in a)],
    }
