"""The `fields` of a request: which fields of the answer a client wants, as Argo Server reads them."""

from __future__ import annotations

from localargo.ports import Doc, Json


def only(doc: Doc, fields: str) -> Doc:
    """The document without the fields that were not asked for; unchanged if `fields` is empty.

    `fields`: paths with commas between them (`metadata.name,status.phase`), to keep; after a `-`, to leave out. A path into a list means
    each of its items. A field is kept with all below it, and a path whose beginning it is keeps what is on the way.
    """
    if not fields:
        return doc
    excluded = fields.startswith("-")
    paths = frozenset(fields.removeprefix("-").split(","))
    found: Doc = _without(doc, "", paths) if excluded else _within(doc, "", paths)
    return found


def _within(tree: Json, above: str, paths: frozenset[str]) -> Json:
    if isinstance(tree, list):
        return [_within(item, above, paths) for item in tree]
    if not isinstance(tree, dict):
        return tree
    kept = {}
    for key, value in tree.items():
        path = f"{above}{key}"
        if path in paths:
            kept[key] = value
        elif any(wanted.startswith(f"{path}.") for wanted in paths):
            kept[key] = _within(value, f"{path}.", paths)
    return kept


def _without(tree: Json, above: str, paths: frozenset[str]) -> Json:
    if isinstance(tree, list):
        return [_without(item, above, paths) for item in tree]
    if not isinstance(tree, dict):
        return tree
    return {key: _without(value, f"{above}{key}.", paths) for key, value in tree.items() if f"{above}{key}" not in paths}
