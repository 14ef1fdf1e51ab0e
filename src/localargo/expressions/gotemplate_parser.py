"""From the tokens of a Go template to its tree."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from localargo.expressions import ExpressionError
from localargo.expressions.gotemplate_lexer import Piece, Token, pieces, unquote

_DEPTH = 60


@dataclass(frozen=True, slots=True)
class Value:
    """A constant (`constant`), or the start of a chain: `dot`, `$name`, a call without arguments of `function`, or a pipeline."""

    at: int
    kind: str  # constant, dot, variable, function, pipe
    constant: Any = None
    name: str = ""
    pipe: Pipe | None = None
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pipe:
    """`$a, $b := command | command`."""

    at: int
    commands: tuple[tuple[Value, ...], ...]
    variables: tuple[str, ...] = ()
    assign: bool = False


@dataclass(slots=True)
class Node:
    """text, action, if, with, range, template, break or continue."""

    kind: str
    at: int
    text: str = ""
    pipe: Pipe | None = None
    body: list[Node] = field(default_factory=list)
    otherwise: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Template:
    """The main tree (name empty) and every defined one."""

    trees: dict[str, list[Node]]
    functions: set[str] = field(default_factory=set)  # names of all functions used


def parse(source: str) -> Template:
    """Parse. ExpressionError with position."""
    parser = _Parser(pieces(source))
    body, end = parser.block(False)
    if end is not None:
        raise ExpressionError(f"unexpected {{{{{end}}}}}", parser.last_at)
    parser.template.trees[""] = body
    return parser.template


class _Parser:
    def __init__(self, found: list[Piece]) -> None:
        self.pieces = found
        self.index = 0
        self.depth = 0
        self.loops = 0
        self.last_at = 0
        self.template = Template({})
        self.variables = ["$"]

    def block(self, inside: bool) -> tuple[list[Node], str | None]:
        """Nodes up to `end` or `else`, which is returned ("else if ..." leaves its tokens to be read again)."""
        nodes: list[Node] = []
        while self.index < len(self.pieces):
            piece = self.pieces[self.index]
            self.index += 1
            self.last_at = piece.at
            if piece.tokens is None:
                nodes.append(Node("text", piece.at, piece.text))
                continue
            word = piece.tokens[0].text if piece.tokens and piece.tokens[0].kind == "word" else ""
            if word in ("end", "else"):
                return nodes, word
            node = self.action(piece, word)
            if node is not None:
                nodes.append(node)
        if inside:
            raise ExpressionError("unexpected EOF", self.last_at)
        return nodes, None

    def action(self, piece: Piece, word: str) -> Node | None:
        tokens = _Tokens(self, piece)
        if word in ("if", "with", "range"):
            tokens.take()
            return self.control(word, tokens)
        if word in ("define", "block"):
            return self.define(word, tokens)
        if word == "template":
            tokens.take()
            name = unquote(tokens.expect("string"))
            return Node("template", piece.at, name, None if tokens.done() else tokens.pipe())
        if word in ("break", "continue"):
            tokens.take()
            tokens.finish()
            if not self.loops:
                raise ExpressionError(f"{{{{{word}}}}} outside {{{{range}}}}", piece.at)
            return Node(word, piece.at)
        if not piece.tokens:
            raise ExpressionError("missing value for command", piece.at)
        return Node("action", piece.at, pipe=tokens.pipe())

    def control(self, word: str, tokens: _Tokens) -> Node:
        self.depth += 1
        if self.depth > _DEPTH:
            raise ExpressionError(f"template nests deeper than {_DEPTH}", tokens.at)
        known = len(self.variables)
        node = Node(word, tokens.at, pipe=tokens.pipe(ranging=word == "range"))
        self.loops += word == "range"
        node.body, end = self.block(True)
        self.loops -= word == "range"
        if end == "else":
            node.otherwise = self.otherwise()
        del self.variables[known:]
        self.depth -= 1
        return node

    def otherwise(self) -> list[Node]:
        piece = self.pieces[self.index - 1]
        rest = (piece.tokens or ())[1:]
        if rest and rest[0].text in ("if", "with"):
            nested = _Tokens(self, Piece("", rest, piece.at))
            nested.take()
            return [self.control(rest[0].text, nested)]
        if rest:
            raise ExpressionError(f'unexpected "{rest[0].text}" in else', rest[0].at)
        nodes, end = self.block(True)
        if end != "end":
            raise ExpressionError("expected end; found {{else}}", self.last_at)
        return nodes

    def define(self, word: str, tokens: _Tokens) -> Node | None:
        tokens.take()
        name = unquote(tokens.expect("string"))
        pipe = tokens.pipe() if word == "block" else None
        if pipe is None:
            tokens.finish()
        outer, self.variables = self.variables, ["$"]
        loops, self.loops = self.loops, 0
        self.depth += 1
        if self.depth > _DEPTH:
            raise ExpressionError(f"template nests deeper than {_DEPTH}", tokens.at)
        body, end = self.block(True)
        self.depth -= 1
        if end != "end":
            raise ExpressionError("unexpected {{else}} in define clause", self.last_at)
        self.variables, self.loops = outer, loops
        self.template.trees[name] = body
        return Node("template", tokens.at, name, pipe) if pipe else None


class _Tokens:
    """The tokens of one action."""

    def __init__(self, parser: _Parser, piece: Piece) -> None:
        self.parser = parser
        self.tokens = piece.tokens or ()
        self.index = 0
        self.at = piece.at

    def peek(self) -> Token | None:
        return self.tokens[self.index] if self.index < len(self.tokens) else None

    def take(self) -> Token:
        token = self.peek()
        if token is None:
            raise ExpressionError("unexpected end of action", self.at)
        self.index += 1
        return token

    def done(self) -> bool:
        return self.index >= len(self.tokens)

    def expect(self, kind: str) -> Token:
        token = self.take()
        if token.kind != kind:
            raise ExpressionError(f'unexpected "{token.text}"', token.at)
        return token

    def finish(self) -> None:
        token = self.peek()
        if token is not None:
            raise ExpressionError(f'unexpected "{token.text}" in action', token.at)

    def is_sign(self, text: str) -> bool:
        token = self.peek()
        return token is not None and token.kind == "sign" and token.text == text

    def pipe(self, ranging: bool = False) -> Pipe:
        """The rest of the action."""
        variables, assign = self.declaration(ranging)
        found = self.commands(variables, assign)
        self.finish()
        if not assign:
            self.parser.variables.extend(variables)
        return found

    def declaration(self, ranging: bool) -> tuple[tuple[str, ...], bool]:
        start = self.index
        names: list[str] = []
        while True:
            token = self.peek()
            if token is None or token.kind != "variable":
                break
            names.append(self.take().text)
            if not (ranging and self.is_sign(",")):
                break
            self.take()
        if names and (self.is_sign(":=") or self.is_sign("=")):
            assign = self.take().text == "="
            for name in names if assign else ():
                self.known(name)
            if len(names) > 2:
                raise ExpressionError("too many declarations in range", self.at)
            return tuple(names), assign
        self.index = start
        return (), False

    def known(self, name: str) -> None:
        if name not in self.parser.variables:
            raise ExpressionError(f'undefined variable "{name}"', self.at)

    def commands(self, variables: tuple[str, ...] = (), assign: bool = False) -> Pipe:
        found = [self.command()]
        while self.is_sign("|"):
            self.take()
            if not self.done():  # Go allows a pipeline to end in a bar
                found.append(self.command())
        for command in found[1:]:
            if command[0].kind in ("constant", "dot") and not command[0].fields:
                raise ExpressionError(f"non executable command in pipeline stage {found.index(command) + 1}", command[0].at)
        return Pipe(self.at, tuple(found), variables, assign)

    def command(self) -> tuple[Value, ...]:
        values: list[Value] = []
        while not self.done() and not self.is_sign("|") and not self.is_sign(")"):
            values.append(self.operand())
        if not values:
            raise ExpressionError("missing value for command", self.at)
        return tuple(values)

    def operand(self) -> Value:
        token = self.take()
        value = self.start(token)
        fields = list(value.fields)
        while (following := self.peek()) is not None and following.kind == "field" and following.glued:
            fields.append(self.take().text[1:])
        if fields and value.kind == "constant":
            raise ExpressionError(f'unexpected . after term "{token.text}"', token.at)
        if len(fields) > _DEPTH:
            raise ExpressionError("too many fields in a row", token.at)
        return Value(value.at, value.kind, value.constant, value.name, value.pipe, tuple(fields))

    def start(self, token: Token) -> Value:
        at = token.at
        if token.kind in ("string", "char"):
            text = unquote(token)
            return Value(at, "constant", text if token.kind == "string" else ord(text[:1] or "\0"))
        if token.kind == "number":
            return Value(at, "constant", _number(token))
        if token.kind == "field":
            return Value(at, "dot", fields=(token.text[1:],))
        if token.kind == "variable":
            self.known(token.text)
            return Value(at, "variable", name=token.text)
        if token.kind == "word":
            if token.text in ("true", "false", "nil"):
                return Value(at, "constant", {"true": True, "false": False, "nil": None}[token.text], name=token.text)
            self.parser.template.functions.add(token.text)
            return Value(at, "function", name=token.text)
        if token.text == ".":
            return Value(at, "dot")
        if token.text == "(":
            return Value(at, "pipe", pipe=self.bracket())
        raise ExpressionError(f'unexpected "{token.text}" in operand', at)

    def bracket(self) -> Pipe:
        self.parser.depth += 1
        if self.parser.depth > _DEPTH:
            raise ExpressionError(f"template nests deeper than {_DEPTH}", self.at)
        pipe = self.commands()
        if not self.is_sign(")"):
            raise ExpressionError("unclosed left paren", self.at)
        self.take()
        self.parser.depth -= 1
        return pipe


def _number(token: Token) -> int | float:
    text = token.text.replace("_", "").lower()
    digits = text.lstrip("+-")
    try:
        if digits[:2] in ("0x", "0b", "0o"):
            value: int | float = int(text, 0)
        elif "." in digits or "e" in digits:
            value = float(text)
        else:
            value = int(text, 8) if len(digits) > 1 and digits[0] == "0" else int(text)
    except ValueError as error:
        raise ExpressionError(f'bad number syntax: "{token.text}"', token.at) from error
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ExpressionError(f"integer overflow: {token.text}", token.at)
    return value
