"""One Kubernetes document, where it came from, and the paths by which its fields are named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PLAIN_KEY = re.compile(r"[A-Za-z0-9_$-]+")


def join(path: str, key: str | int) -> str:
    """Extend a field path: `spec.templates` + 0 is `spec.templates[0]`; a key with dots or slashes is put in quotes."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    if not PLAIN_KEY.fullmatch(key):
        return f"{path}['{key}']"
    return f"{path}.{key}" if path else key


def parent(path: str) -> str:
    """The path one level up, empty at the top."""
    if path.endswith("']"):
        return path[: path.rindex("['")]
    if path.endswith("]"):
        return path[: path.rindex("[")]
    return path.rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class Document:
    """A document as a tree. `lines` maps field paths to lines (from 1) of `file`; both are empty for a document from the API."""

    doc: dict[str, Any]
    file: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)
    inside: str = ""  # for a document in a field of another: the label of that document and the path of the field

    @property
    def kind(self) -> str:
        return str(self.doc.get("kind") or "")

    @property
    def api_version(self) -> str:
        return str(self.doc.get("apiVersion") or "")

    @property
    def name(self) -> str:
        """metadata.name, or metadata.generateName where there is no name yet."""
        metadata = self.doc.get("metadata")
        if not isinstance(metadata, dict):
            return ""
        return str(metadata.get("name") or metadata.get("generateName") or "")

    @property
    def namespace(self) -> str:
        metadata = self.doc.get("metadata")
        return str(metadata.get("namespace") or "") if isinstance(metadata, dict) else ""

    @property
    def label(self) -> str:
        """How messages name the document: `Workflow/hello`."""
        if self.inside:
            return self.inside
        return f"{self.kind or 'document'}/{self.name or '?'}"

    def within(self, path: str, doc: dict[str, Any]) -> Document:
        """The document that the field at `path` holds, with its lines in this one's file."""
        prefix = f"{path}."
        lines = {key.removeprefix(prefix): line for key, line in self.lines.items() if key.startswith(prefix)}
        return Document(doc, self.file, {**lines, "": self.line(path)}, f"{self.label} {path}")

    def named(self, path: str) -> str:
        """How findings name a field of this document."""
        return f"{self.label}{'.' if self.inside else ' '}{path}" if path else self.label

    def line(self, path: str) -> int:
        """The line of the field, or of the nearest parent that is known; 0 when none is known."""
        while path:
            if path in self.lines:
                return self.lines[path]
            path = parent(path)
        return self.lines.get("", 0)
