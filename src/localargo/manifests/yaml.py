"""YAML as kubectl reads it, with the line of every field.

The dialect is that of Kubernetes (YAML 1.1 as Go reads it): `y`, `n`, `yes`, `on` are booleans, `0755` is octal, `1e-6` is a
number, and there are no dates and no sexagesimal numbers. In the resources of Argo Events a single `y` or `n` is a string (recorded:
a Sensor's parameter named y keeps that name). A whole number written with a decimal point (`1.0`) becomes an integer, as
it does on its way through an API server.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

import yaml

from localargo.errors import InvalidInput
from localargo.manifests.document import Document, join

MOST_NODES = 500_000  # aliases can expand a few lines into gigabytes
DEEPEST = 200
BOOLEANS = {word: value for words, value in (("y yes on true", True), ("n no off false", False)) for word in words.split()}
INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]+|0|[1-9][0-9_]*)")
FLOAT = re.compile(r"[-+]?(\.[0-9_]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?")
NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
EXACT = 1e21  # Go writes whole floats below this without an exponent
STANDARD_TAG = "tag:yaml.org,2002:"
LETTERS = ("y", "n", "Y", "N")
EVENT_KINDS = ("EventSource", "Sensor", "EventBus")
PLAIN = "plain"  # a scalar without quotes and without a tag of its own: the dialect decides what it is


class _Loader(yaml.CSafeLoader):
    """Leaves the meaning of plain scalars to `scalar`."""


_Loader.yaml_implicit_resolvers = {None: [(PLAIN, re.compile(""))]}


def load_documents(text: str, file: str) -> list[Document]:
    """Read every document of a YAML or JSON text; documents of kind `List` are unfolded, empty ones are left out.

    Raises InvalidInput with file, line and reason: broken syntax, a duplicate key, NaN, a document that is not a mapping.
    """
    found: list[Document] = []
    if text.lstrip().startswith("{"):
        parsed = _json(text)
        if parsed is not None:
            try:
                lines = [document.lines for document in _yaml_documents(text, file)]
            except InvalidInput:  # JSON that is not YAML (tabs, surrogate pairs): valid, only without lines
                lines = []
            found = [Document(_whole_numbers(parsed), file, lines[0] if len(lines) == 1 else {})]
    if not found:
        found = _yaml_documents(text, file)
    return [each for document in found for each in _unfold(document)]


class NotAMapping(InvalidInput):
    """A document is valid YAML, but not a mapping."""


def dump(doc: Any) -> str:
    """YAML text of one document, or of a list of them, that kubectl reads back as the same tree."""
    return "---\n".join(dump_tree(each) for each in (doc if isinstance(doc, list) else [doc]))


def dump_tree(tree: Any) -> str:
    """YAML text of one tree; a list is a sequence, not several documents."""
    return str(yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=140))


def scalar(text: str) -> Any:
    """What a plain (unquoted) scalar means in kubectl's dialect."""
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    folded = text.lower()
    if folded in BOOLEANS and text in (folded, folded.upper(), folded.capitalize()):
        return BOOLEANS[folded]
    if text[0] not in "+-.0123456789":
        return text
    if INTEGER.fullmatch(text):
        return _integer(text)
    if FLOAT.fullmatch(text):
        return _whole_numbers(float(text.replace("_", "")))
    if NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} is not possible in JSON; write a number or put it in quotes")
    return text


def _integer(text: str) -> int:
    digits = text.replace("_", "")
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("+-")
    if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
        return sign * int(digits, 8)
    return sign * int(digits, 0)


def _whole_numbers(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        return int(value)
    if isinstance(value, dict):
        return {key: _whole_numbers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_whole_numbers(each) for each in value]
    return value


def _json(text: str) -> dict[str, Any] | None:
    """The tree of a JSON object, None when it is not one (flow-style YAML also starts with a brace)."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in items}) != len(items):
            raise ValueError("duplicate key")  # the YAML reader reports it with its line
        return dict(items)

    def constant(name: str) -> Any:
        raise ValueError(f"{name} is not possible in JSON")

    try:
        parsed = json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _unfold(document: Document) -> list[Document]:
    items = document.doc.get("items")
    if not document.kind.endswith("List") or not isinstance(items, list):
        return [document]
    found = []
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            raise InvalidInput(f"{document.file}: items[{index}] of the {document.kind} is not a mapping")
        prefix = f"items[{index}]"
        lines = {path.removeprefix(prefix).removeprefix("."): line for path, line in document.lines.items() if path.startswith(prefix)}
        found += _unfold(Document(item, document.file, lines))
    return found


def _yaml_documents(text: str, file: str) -> list[Document]:
    found = []
    try:
        loader = _Loader(text)
        try:
            while loader.check_node():
                node = loader.get_node()
                if node is None:
                    continue
                builder = _Builder(file)
                tree = builder.document(node)
                if tree is None:
                    continue
                if not isinstance(tree, dict):
                    raise NotAMapping(f"{file}:{node.start_mark.line + 1}: a document must be a mapping, not {_kind(tree)}")
                builder.lines[""] = node.start_mark.line + 1
                found.append(Document(tree, file, builder.lines))
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        last = len(text.splitlines())
        where = f"{file}:{min(mark.line + 1, last)}" if mark else file
        raise InvalidInput(f"{where}: not valid YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise InvalidInput(f"{file}: not valid YAML: {error}") from error
    return found


def _kind(value: Any) -> str:
    return "a list" if isinstance(value, list) else f"the {type(value).__name__} {value!r}"[:80]


class _Builder:
    """Turns composed nodes into a tree and notes the line of every field."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[str, int] = {}
        self.nodes = 0
        self.letters = False  # whether y and n are texts

    def document(self, node: Any) -> Any:
        """The tree of a whole document."""
        if isinstance(node, yaml.MappingNode):
            kinds = [value.value for key, value in node.value if key.value == "kind"]
            self.letters = any(kind in EVENT_KINDS for kind in kinds)
        return self.build(node, "", 0)

    def build(self, node: Any, path: str, depth: int) -> Any:
        self.nodes += 1
        if self.nodes > MOST_NODES or depth > DEEPEST:
            raise self.error(node, "the document is too large or too deep (aliases included)")
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return [self.item(child, join(path, index), depth + 1) for index, child in enumerate(node.value)]
        return self.mapping(node, path, depth)

    def item(self, node: Any, path: str, depth: int) -> Any:
        self.lines[path] = node.start_mark.line + 1
        return self.build(node, path, depth)

    def mapping(self, node: Any, path: str, depth: int) -> dict[str, Any]:
        tree: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self.key(key_node)
            if key == "<<" and key_node.tag == PLAIN:
                merged = {**self.merged(value_node, path, depth), **merged}
                continue
            if key in tree:
                raise self.error(
                    key_node, f"key {key!r} is defined twice in one mapping; the first is in line {self.lines[join(path, key)]}"
                )
            where = join(path, key)
            self.lines[where] = key_node.start_mark.line + 1
            tree[key] = self.build(value_node, where, depth + 1)
        return {**merged, **tree}

    def merged(self, node: Any, path: str, depth: int) -> dict[str, Any]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        tree: dict[str, Any] = {}
        for source in sources:
            if not isinstance(source, yaml.MappingNode):
                raise self.error(source, "`<<` takes a mapping or a list of mappings")
            tree = {**self.build(source, path, depth + 1), **tree}
        return tree

    def key(self, node: Any) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self.error(node, "a key must be a string")
        value = self.scalar(node)
        if isinstance(value, bool):
            return "true" if value else "false"
        return "null" if value is None else str(value)

    def scalar(self, node: Any) -> Any:
        if node.tag != PLAIN:
            tag = node.tag.removeprefix(STANDARD_TAG)
            if tag != "str":
                raise self.error(node, f"the tag {node.tag} is not supported: write the value without it")
            return str(node.value)
        if self.letters and node.value in LETTERS:
            return str(node.value)
        try:
            value = scalar(node.value)
        except ValueError as error:
            raise self.error(node, str(error)) from error
        if isinstance(value, float) and not math.isfinite(value):
            raise self.error(node, f"the number {node.value} is too large")
        return value

    def error(self, node: Any, reason: str) -> InvalidInput:
        return InvalidInput(f"{self.file}:{node.start_mark.line + 1}: {reason}")


class _Dumper(yaml.CSafeDumper):
    """Quotes every string that the dialect would read as another type."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: Any, text: str) -> Any:
    style: str | None = None
    if "\n" in text and not any(line != line.rstrip() for line in text.split("\n")):
        style = "|"
    elif not isinstance(_safe_scalar(text), str):
        style = "'"
    return dumper.represent_scalar(f"{STANDARD_TAG}str", text, style=style)


def _safe_scalar(text: str) -> Any:
    try:
        return scalar(text)
    except ValueError:
        return None


_Dumper.add_representer(str, _represent_text)
