"""The syntax tree of expr-lang. `at` is a character position in the text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A node that has a value."""

    at: int

    def children(self) -> Iterator[Node]:
        """The child nodes, in the order of the text."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Node):
                yield value
            elif isinstance(value, tuple):
                yield from (item for item in value if isinstance(item, Node))


@dataclass(frozen=True, slots=True, eq=False)
class Literal(Node):
    value: bool | int | float | str | None


@dataclass(frozen=True, slots=True, eq=False)
class Name(Node):
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Member(Node):
    """`object.key`, `object[key]`, with `?.` when optional."""

    object: Node
    key: Node
    optional: bool


@dataclass(frozen=True, slots=True, eq=False)
class Chain(Node):
    """The range in which an absent object before `?.` makes everything nil."""

    node: Node


@dataclass(frozen=True, slots=True, eq=False)
class Slice(Node):
    object: Node
    first: Node | None
    last: Node | None


@dataclass(frozen=True, slots=True, eq=False)
class Unary(Node):
    operator: str
    node: Node


@dataclass(frozen=True, slots=True, eq=False)
class Binary(Node):
    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True, eq=False)
class Conditional(Node):
    condition: Node
    then: Node
    otherwise: Node


@dataclass(frozen=True, slots=True, eq=False)
class Call(Node):
    """A function of the environment: `asInt(x)`, `sprig.lower(x)`."""

    callee: Node
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Builtin(Node):
    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Predicate(Node):
    """The closure in `filter(xs, {# > 1})`."""

    node: Node


@dataclass(frozen=True, slots=True, eq=False)
class Pointer(Node):
    """`#` (name empty), `#acc`, `#index`."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Array(Node):
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Map(Node):
    keys: tuple[Node, ...]
    values: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Let(Node):
    name: str
    value: Node
    body: Node


@dataclass(frozen=True, slots=True, eq=False)
class Sequence(Node):
    nodes: tuple[Node, ...]


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, parents first, without recursion."""
    stack = [node]
    while stack:
        found = stack.pop()
        yield found
        stack.extend(reversed(list(found.children())))


def path(node: Node) -> str | None:
    """`a.b['c-d']` as the dotted name `a.b.c-d`; None for anything else (an optional step too)."""
    parts: list[str] = []
    while isinstance(node, Member):
        if node.optional or not isinstance(node.key, Literal) or not isinstance(node.key.value, str):
            return None
        parts.append(node.key.value)
        node = node.object
    if not isinstance(node, Name):
        return None
    return ".".join([node.name, *reversed(parts)])
