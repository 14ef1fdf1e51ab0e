"""From expr-lang's text to its tree, by precedence climbing (an LALR grammar cannot express its pipe, `not in` and `??` rules)."""

from __future__ import annotations

from localargo.expressions import ExpressionError
from localargo.expressions.exprlang_lexer import Token, tokens
from localargo.expressions.exprlang_nodes import (
    Array,
    Binary,
    Builtin,
    Call,
    Chain,
    Conditional,
    Let,
    Literal,
    Map,
    Member,
    Name,
    Node,
    Pointer,
    Predicate,
    Sequence,
    Slice,
    Unary,
)
from localargo.expressions.exprlang_tables import BINARY, BUILTINS, NEGATABLE, ORDER, PREDICATES, REFUSED, RIGHT, SAME, UNARY

_NODES = 10_000
_DEPTH = 60


def parse(text: str) -> Node:
    """The whole text as one expression. ExpressionError with position and expr-lang's message."""
    return _Parser(tokens(text)).whole()


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self.tokens = found
        self.index = 0
        self.closures = 0
        self.depth = 0
        if len(found) > _NODES:
            raise ExpressionError("compilation failed: expression exceeds maximum allowed nodes")

    @property
    def current(self) -> Token:
        return self.tokens[self.index]

    def next(self) -> Token:
        token = self.current
        self.index += token.kind != "end"
        return token

    def at(self, text: str) -> bool:
        return self.current.kind in ("operator", "bracket") and self.current.text == text

    def unexpected(self) -> ExpressionError:
        return ExpressionError(f"unexpected token {self.current}", self.current.at)

    def expect(self, text: str) -> None:
        if not self.at(text):
            raise self.unexpected()
        self.next()

    def name(self) -> Token:
        if self.current.kind != "name":
            raise self.unexpected()
        return self.next()

    def whole(self) -> Node:
        node = self.sequence()
        if self.current.kind != "end":
            raise self.unexpected()
        return node

    def sequence(self) -> Node:
        nodes = [self.expression()]
        while self.at(";"):
            self.next()
            if self.current.kind == "end":
                break
            nodes.append(self.expression())
        return nodes[0] if len(nodes) == 1 else Sequence(nodes[0].at, tuple(nodes))

    def expression(self, least: int = 0) -> Node:
        self.depth += 1
        if self.depth > _DEPTH:
            raise ExpressionError(f"expression nests deeper than {_DEPTH}", self.current.at)
        try:
            if least == 0 and self.at("let"):
                return self.let()
            if least == 0 and self.at("if"):
                return self.if_else()
            node = self.operators(self.primary(), least)
            return self.conditional(node) if least == 0 else node
        finally:
            self.depth -= 1

    def operators(self, left: Node, least: int) -> Node:
        previous = ""
        pipes = 0
        while self.current.kind == "operator":
            token = self.current
            negate = token.text == "not"
            if negate:
                token = self.tokens[min(self.index + 1, len(self.tokens) - 1)]
                if token.kind != "operator" or token.text not in NEGATABLE:
                    raise ExpressionError(f"unexpected token {token}", token.at)
            precedence = BINARY.get(token.text, -1)
            if precedence < least:
                break
            self.index += 2 if negate else 1
            if token.text == "|":
                pipes += 1
                if pipes > _DEPTH:
                    raise ExpressionError(f"more than {_DEPTH} pipes in a row", token.at)
                left = self.call(self.name(), [left])
            elif previous == "??" and token.text != "??":
                raise ExpressionError(
                    f"Operator ({token.text}) and coalesce expressions (??) cannot be mixed. Wrap either by parentheses.", token.at
                )
            elif token.text in ORDER:
                left = self.comparison(left, token, precedence)
            else:
                right = self.expression(precedence if token.text in RIGHT else precedence + 1)
                left = Binary(token.at, SAME.get(token.text, token.text), left, right)
                left = Unary(token.at, "!", left) if negate else left
            previous = token.text
        return left

    def comparison(self, left: Node, token: Token, precedence: int) -> Node:
        """`1 < x < 3` means `1 < x && x < 3`."""
        whole: Node | None = None
        while True:
            right = self.expression(precedence + 1)
            pair = Binary(token.at, token.text, left, right)
            whole = pair if whole is None else Binary(token.at, "&&", whole, pair)
            token, left = self.current, right
            if token.kind != "operator" or token.text not in ORDER:
                return whole
            self.next()

    def let(self) -> Node:
        self.next()
        name = self.name()
        self.expect("=")
        value = self.expression()
        self.expect(";")
        return Let(name.at, name.text, value, self.sequence())

    def if_else(self) -> Node:
        start = self.next()
        condition = self.expression()
        then = self.block()
        self.expect("else")
        otherwise = self.expression() if self.at("if") else self.block()
        return Conditional(start.at, condition, then, otherwise)

    def block(self) -> Node:
        self.expect("{")
        node = self.sequence()
        self.expect("}")
        return node

    def conditional(self, node: Node) -> Node:
        while self.at("?"):
            start = self.next()
            if self.at(":"):
                self.next()
                node = Conditional(start.at, node, node, self.expression())
                continue
            then = self.expression()
            self.expect(":")
            node = Conditional(start.at, node, then, self.expression())
        return node

    def primary(self) -> Node:
        token = self.current
        if token.kind == "operator" and token.text in UNARY:
            self.next()
            node: Node = Unary(token.at, SAME.get(token.text, token.text), self.expression(UNARY[token.text]))
            return self.postfix(node)
        if self.at("("):
            self.next()
            node = self.sequence()
            self.expect(")")
            return self.postfix(node)
        if self.closures and (self.at("#") or self.at(".")):
            return self.postfix(self.pointer(token))
        if self.at("::"):
            self.next()
            return self.postfix(self.call(self.name(), []))
        return self.secondary()

    def pointer(self, token: Token) -> Node:
        name = ""
        if token.text == "#":
            self.next()
            if self.current.kind == "name" and self.current.at == token.at + 1:
                name = self.next().text
        return Pointer(token.at, name)

    def secondary(self) -> Node:
        token = self.current
        if token.kind == "name":
            self.next()
            if token.text in ("true", "false", "nil"):
                return Literal(token.at, {"true": True, "false": False, "nil": None}[token.text])
            return self.postfix(self.call(token, []) if self.at("(") else Name(token.at, token.text))
        if token.kind == "number":
            return Literal(token.at, self.number(self.next()))
        if token.kind in ("string", "bytes"):
            self.next()
            if token.kind == "bytes":
                raise ExpressionError("byte literals are not supported", token.at)
            return self.postfix(Literal(token.at, token.text))
        if self.at("["):
            return self.postfix(self.array())
        if self.at("{"):
            return self.postfix(self.map())
        raise self.unexpected()

    def number(self, token: Token) -> int | float:
        text = token.text.replace("_", "").lower()
        try:
            if text[:2] in ("0x", "0o", "0b"):
                value: int | float = int(text, 0)
            else:
                value = float(text) if "." in text or "e" in text else int(text)
        except ValueError as error:
            message = f'invalid float literal: strconv.ParseFloat: parsing "{token.text}": invalid syntax'
            raise ExpressionError(message, self.current.at) from error
        if (isinstance(value, int) and value >= 2**63) or value == float("inf"):
            raise ExpressionError(f"number literal is too large: {token.text}", token.at)
        return value

    def call(self, token: Token, arguments: list[Node]) -> Node:
        if token.text in REFUSED:
            raise ExpressionError(f"{token.text} is not supported: {REFUSED[token.text]}", token.at)
        kinds = PREDICATES.get(token.text)
        if kinds is None:
            arguments = self.arguments(arguments)
            if token.text in BUILTINS:
                return Builtin(token.at, token.text, tuple(arguments))
            return Call(token.at, Name(token.at, token.text), tuple(arguments))
        self.expect("(")
        for index, kind in enumerate(kinds[len(arguments) :]):
            if self.at(")"):
                if kind.isupper():
                    break
                raise ExpressionError(f"expected at least {len(kinds)} arguments", self.current.at)
            if index:
                self.expect(",")
            arguments.append(self.predicate() if kind.lower() == "p" else self.expression())
        if self.at(","):
            self.next()
        self.expect(")")
        return Builtin(token.at, token.text, tuple(arguments))

    def predicate(self) -> Node:
        start = self.current
        self.closures += 1
        node = self.block() if self.at("{") else self.expression()
        self.closures -= 1
        if self.at(";"):
            raise ExpressionError("wrap predicate with brackets { and }", self.current.at)
        return Predicate(start.at, node)

    def arguments(self, found: list[Node]) -> list[Node]:
        self.expect("(")
        return found + self.items(")")

    def items(self, end: str) -> list[Node]:
        found: list[Node] = []
        while not self.at(end):
            if found:
                self.expect(",")
                if self.at(end):
                    break
            found.append(self.expression())
        self.next()
        return found

    def array(self) -> Node:
        start = self.next()
        return Array(start.at, tuple(self.items("]")))

    def map(self) -> Node:
        start = self.next()
        keys: list[Node] = []
        values: list[Node] = []
        while not self.at("}"):
            if keys:
                self.expect(",")
                if self.at("}"):
                    break
                if self.at(","):
                    raise self.unexpected()
            keys.append(self.key())
            self.expect(":")
            values.append(self.expression())
        self.next()
        return Map(start.at, tuple(keys), tuple(values))

    def key(self) -> Node:
        token = self.current
        if token.kind in ("number", "string", "name"):
            self.next()
            return Literal(token.at, token.text)
        if self.at("("):
            return self.expression()
        problem = "a map key must be a quoted string, a number, a identifier, or an expression enclosed in parentheses"
        raise ExpressionError(f"{problem} (unexpected token {token})", token.at)

    def postfix(self, node: Node) -> Node:
        steps = 0
        while self.current.kind in ("operator", "bracket") and self.current.text in (".", "?.", "["):
            steps += 1
            if steps > _DEPTH:
                raise ExpressionError(f"expression nests deeper than {_DEPTH}", self.current.at)
            optional = self.current.text == "?."
            if self.at("["):
                node = self.index_or_slice(node, False)
                continue
            self.next()
            node = self.index_or_slice(node, True) if optional and self.at("[") else self.dotted(node, optional)
        return node

    def dotted(self, node: Node, optional: bool) -> Node:
        token = self.next()
        if token.kind != "name" and not (token.kind == "operator" and token.text.isalpha()):
            raise ExpressionError("unexpected end of expression" if token.kind == "end" else "expected name", token.at)
        chained = isinstance(node, Chain)
        base = node.node if isinstance(node, Chain) else node
        found: Node = Member(token.at, base, Literal(token.at, token.text), optional)
        if self.at("("):
            found = Call(token.at, found, tuple(self.arguments([])))
        return Chain(token.at, found) if chained or optional else found

    def index_or_slice(self, node: Node, optional: bool) -> Node:
        start = self.next()
        first = None if self.at(":") else self.expression()
        if self.at(":"):
            self.next()
            last = None if self.at("]") else self.expression()
            self.expect("]")
            return Slice(start.at, node, first, last)
        self.expect("]")
        key = first if first is not None else Literal(start.at, None)
        found: Node = Member(start.at, node, key, optional)
        return Chain(start.at, found) if optional else found
