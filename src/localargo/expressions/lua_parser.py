"""From Lua 5.1 source, the language of a Sensor's filter scripts, to a tree of tuples. No goto, no coroutines, no metatables."""

from __future__ import annotations

import functools
import re
from typing import Any

from localargo.expressions import ExpressionError

Node = tuple[Any, ...]
Block = tuple[Node, ...]

KEYWORDS = frozenset(
    {
        *("and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in"),
        *("local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while"),
    }
)
TOKEN = re.compile(
    r"(?P<space>\s+|--\[(?P<eq1>=*)\[.*?\](?P=eq1)\]|--[^\n]*)"
    r"|(?P<number>0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<string>\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|\[(?P<eq2>=*)\[.*?\](?P=eq2)\])"
    r"|(?P<operator>\.\.\.|\.\.|==|~=|<=|>=|[-+*/%^#<>=(){}\[\];:,.])",
    re.DOTALL,
)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
BINARY = {  # left and right binding power
    "or": (1, 2),
    "and": (3, 4),
    **dict.fromkeys(("<", ">", "<=", ">=", "~=", "=="), (5, 6)),
    "..": (8, 7),
    "+": (9, 10),
    "-": (9, 10),
    "*": (11, 12),
    "/": (11, 12),
    "%": (11, 12),
    "^": (16, 15),
}
UNARY = 13
DEEPEST = 100


def tokens(text: str) -> list[tuple[str, str, int]]:
    """(kind, text, line) of each token; strings are unescaped. Raises ExpressionError."""
    found, at, line = [], 0, 1
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise ExpressionError(f"<string> line:{line} near {text[at]!r}: syntax error", at)
        kind, value = str(match.lastgroup), match[0]
        if match["space"] is None:
            kind = next(k for k in ("number", "name", "string", "operator") if match[k] is not None)
            if kind == "name" and value in KEYWORDS:
                kind = "operator"
            found.append((kind, _string(value) if kind == "string" else value, line))
        line += value.count("\n")
        at = match.end()
    return [*found, ("end", "", line)]


def _string(token: str) -> str:
    if token[0] == "[":
        return re.sub(r"^\[=*\[\n?|\]=*\]$", "", token)
    return re.sub(r"\\(\d{1,3}|.)", lambda m: chr(int(m[1])) if m[1].isdigit() else ESCAPES.get(m[1], m[1]), token[1:-1], flags=re.DOTALL)


@functools.lru_cache(maxsize=128)
def parse(text: str) -> Block:
    """The statements of a chunk. Raises ExpressionError naming the line."""
    return _Parser(tokens(text)).chunk()


class _Parser:
    def __init__(self, found: list[tuple[str, str, int]]) -> None:
        self._tokens = found
        self._at = 0
        self._depth = 0

    def chunk(self) -> Block:
        block = self.block()
        if self._tokens[self._at][0] != "end":
            self._fail()
        return block

    # ------------------------------------------------------------------------------------------ tokens

    def _fail(self) -> Any:
        _, text, line = self._tokens[self._at]
        raise ExpressionError(f"<string> line:{line} near {text or 'end'!r}: syntax error")

    def _is(self, *words: str) -> bool:
        kind, text, _ = self._tokens[self._at]
        return kind == "operator" and text in words

    def _take(self, *words: str) -> str:
        if not self._is(*words):
            self._fail()
        self._at += 1
        return self._tokens[self._at - 1][1]

    def _may(self, word: str) -> bool:
        if self._is(word):
            self._at += 1
            return True
        return False

    def _name(self) -> str:
        kind, text, _ = self._tokens[self._at]
        if kind != "name":
            self._fail()
        self._at += 1
        return text

    # ------------------------------------------------------------------------------------------ statements

    def block(self) -> Block:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ExpressionError(f"the script nests more than {DEEPEST} levels deep")
        found: list[Node] = []
        while self._tokens[self._at][0] != "end" and not self._is("end", "else", "elseif", "until"):
            if self._may(";"):
                continue
            if self._may("return"):
                ends = self._tokens[self._at][0] == "end" or self._is("end", "else", "elseif", "until", ";")
                found.append(("return", () if ends else self._expressions()))
                self._may(";")
                break
            if self._may("break"):
                found.append(("break",))
                continue
            found.append(self._statement())
        self._depth -= 1
        return tuple(found)

    def _statement(self) -> Node:
        line = self._tokens[self._at][2]
        if self._may("if"):
            return self._if()
        if self._may("while"):
            test = self.expression()
            self._take("do")
            return ("while", test, self._until_end())
        if self._may("do"):
            return ("do", self._until_end())
        if self._may("repeat"):
            body = self.block()
            self._take("until")
            return ("repeat", body, self.expression())
        if self._may("for"):
            return self._for()
        if self._may("function"):
            target: Node = ("name", self._name(), line)
            while self._may("."):
                target = ("index", target, ("value", self._name()), line)
            return ("assign", (target,), (self._function(),))
        if self._may("local"):
            return self._local()
        return self._assignment()

    def _until_end(self) -> Block:
        body = self.block()
        self._take("end")
        return body

    def _if(self) -> Node:
        arms: list[tuple[Node, Block]] = []
        while True:
            test = self.expression()
            self._take("then")
            arms.append((test, self.block()))
            word = self._take("elseif", "else", "end")
            if word == "else":
                return ("if", tuple(arms), self._until_end())
            if word == "end":
                return ("if", tuple(arms), ())

    def _for(self) -> Node:
        names = [self._name()]
        if self._may("="):
            bounds = [self.expression()]
            while self._may(","):
                bounds.append(self.expression())
            if len(bounds) not in (2, 3):
                self._fail()
            self._take("do")
            return ("count", names[0], tuple(bounds), self._until_end())
        while self._may(","):
            names.append(self._name())
        self._take("in")
        source = self._expressions()
        self._take("do")
        return ("each", tuple(names), source, self._until_end())

    def _local(self) -> Node:
        if self._may("function"):
            name = self._name()
            return ("function", name, self._function())
        names = [self._name()]
        while self._may(","):
            names.append(self._name())
        return ("local", tuple(names), self._expressions() if self._may("=") else ())

    def _assignment(self) -> Node:
        first = self._postfix()
        if first[0] in ("call", "method"):
            return ("do_call", first)
        targets = [first]
        while self._may(","):
            targets.append(self._postfix())
        if any(target[0] not in ("name", "index") for target in targets):
            self._fail()
        self._take("=")
        return ("assign", tuple(targets), self._expressions())

    # ------------------------------------------------------------------------------------------ expressions

    def _expressions(self) -> tuple[Node, ...]:
        found = [self.expression()]
        while self._may(","):
            found.append(self.expression())
        return tuple(found)

    def expression(self, least: int = 0) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ExpressionError(f"the script nests more than {DEEPEST} levels deep")
        line = self._tokens[self._at][2]
        if self._is("not", "-", "#"):
            operator = self._take("not", "-", "#")
            left: Node = ("unary", operator, self.expression(UNARY), line)
        else:
            left = self._simple()
        while self._tokens[self._at][0] == "operator" and self._tokens[self._at][1] in BINARY:
            operator, line = self._tokens[self._at][1:]
            binding, following = BINARY[operator]
            if binding < least:
                break
            self._at += 1
            right = self.expression(following)
            left = (operator, left, right) if operator in ("and", "or") else ("binary", operator, left, right, line)
        self._depth -= 1
        return left

    def _simple(self) -> Node:
        kind, text, _ = self._tokens[self._at]
        if kind in ("number", "string"):
            self._at += 1
            return ("value", text if kind == "string" else float(int(text, 16)) if text[:2] in ("0x", "0X") else float(text))
        if self._may("nil"):
            return ("value", None)
        if self._is("true", "false"):
            return ("value", self._take("true", "false") == "true")
        if self._may("..."):
            return ("rest",)
        if self._may("function"):
            return self._function()
        if self._is("{"):
            return self._table()
        return self._postfix()

    def _postfix(self) -> Node:
        line = self._tokens[self._at][2]
        if self._may("("):
            node: Node = ("one", self.expression())
            self._take(")")
        else:
            node = ("name", self._name(), line)
        while True:
            kind, _, line = self._tokens[self._at]
            if self._may("."):
                node = ("index", node, ("value", self._name()), line)
            elif self._may("["):
                node = ("index", node, self.expression(), line)
                self._take("]")
            elif self._may(":"):
                node = ("method", node, self._name(), self._arguments(), line)
            elif kind == "string" or self._is("(", "{"):
                node = ("call", node, self._arguments(), line)
            else:
                return node

    def _arguments(self) -> tuple[Node, ...]:
        kind, text, _ = self._tokens[self._at]
        if kind == "string":
            self._at += 1
            return (("value", text),)
        if self._is("{"):
            return (self._table(),)
        self._take("(")
        if self._may(")"):
            return ()
        found = self._expressions()
        self._take(")")
        return found

    def _function(self) -> Node:
        self._take("(")
        names: list[str] = []
        rest = False
        while not self._is(")"):
            if self._may("..."):
                rest = True
                break
            names.append(self._name())
            if not self._may(","):
                break
        self._take(")")
        return ("lambda", tuple(names), rest, self._until_end())

    def _table(self) -> Node:
        self._take("{")
        entries: list[tuple[Node | None, Node]] = []
        while not self._is("}"):
            if self._may("["):
                key = self.expression()
                self._take("]")
                self._take("=")
                entries.append((key, self.expression()))
            elif self._tokens[self._at][0] == "name" and self._tokens[self._at + 1][:2] == ("operator", "="):
                name = self._name()
                self._take("=")
                entries.append((("value", name), self.expression()))
            else:
                entries.append((None, self.expression()))
            if not (self._may(",") or self._may(";")):
                break
        self._take("}")
        return ("table", tuple(entries))
