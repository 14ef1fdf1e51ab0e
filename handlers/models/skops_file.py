"""skops files of the same bytes for the same estimator.

skops names the objects of a file by their addresses and stamps its entries with the time, so that no two files are the same. What an
address says is only which objects are one: numbers in the order of the file say it as well.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

SCHEMA = "schema.json"


def dumps(estimator: Any) -> bytes:
    """The estimator as a skops file."""
    from skops import io as skops

    return same_bytes(bytes(skops.dumps(estimator)))


def same_bytes(data: bytes) -> bytes:
    """The same file with numbers for addresses, its entries in order and without a time."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as given, zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as made:
        numbers = _Numbers()
        schema = numbers.of(json.loads(given.read(SCHEMA)))
        names = {numbers.file(name): name for name in given.namelist() if name != SCHEMA}
        for name in sorted(names):
            made.writestr(zipfile.ZipInfo(name), given.read(names[name]))
        made.writestr(zipfile.ZipInfo(SCHEMA), json.dumps(schema, separators=(",", ":")))
    return packed.getvalue()


class _Numbers:
    """Which number stands for which object: by its place in the file, and by its value where it is one that JSON writes, which may be one
    object in one process and several in another."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, Any], int] = {}
        self._of_address: dict[str, int] = {}

    def _number(self, kind: str, value: Any) -> int:
        return self._known.setdefault((kind, value), len(self._known) + 1)

    def of(self, node: Any) -> Any:
        """The tree with numbers for addresses."""
        if isinstance(node, list):
            return [self.of(each) for each in node]
        if not isinstance(node, dict):
            return node
        found = dict(node)
        if "__id__" in node:
            number = self._number("value", node["content"]) if node.get("is_json") else self._number("object", node["__id__"])
            found["__id__"] = self._of_address[str(node["__id__"])] = number
        if isinstance(node.get("file"), str):
            found["file"] = self.file(node["file"])
        return {name: each if name == "file" else self.of(each) for name, each in found.items()}

    def file(self, name: str) -> str:
        """What a file is called that is named by an address."""
        address, dot, ending = name.partition(".")
        return f"{self._of_address[address]:06}{dot}{ending}" if address in self._of_address else name
