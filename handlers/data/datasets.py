"""From source objects to a dataset: the parts of each object, every row key once, and a role for every part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handlers.contracts import BadData
from handlers.data import making, manifest, objects, windows
from handlers.data.keys import with_each_key_once
from handlers.data.labels import usable_until
from handlers.data.manifest import Dataset
from handlers.data.parts import Made, Read
from handlers.data.references import References
from handlers.modelspec.code_digests import code_digest
from handlers.modelspec.digests import query_digest
from handlers.modelspec.model import ModelSpec
from handlers.storage import Store, digest


def make(store: Store, model: str, spec: ModelSpec, snapshot: Mapping[str, Any], as_of: float) -> tuple[list[Read], list[Made], Dataset]:
    """(what was read of each object of the snapshot, the parts, made where they are not there, the dataset of them all).

    `as_of` (epoch seconds) is the instant that says which days are over.
    """
    found = objects.by_source(spec, snapshot["objects"])
    references, code = References(store, spec, found), code_digest("parts")
    if making.row_by_row(spec):
        given = making.items(spec, spec.data.trigger, found[spec.data.trigger])
        read = made = making.each(store, spec, spec.data.trigger, given, code, references)
    else:
        read, made = windows.make(store, model, spec, found, references, code)
    documents = with_each_key_once(store, model, spec, [one.document for one in made])
    until = usable_until(spec, snapshot, as_of)
    made_by = digest([query_digest(spec), references.named(), code])
    try:
        dataset = manifest.build(store, documents, spec, until, code_digest("datasets"), made_by)
    except BadData as error:
        if "labelled_before" not in snapshot:
            raise
        delay = f"data.target.label_delay is {spec.data.target.label_delay}: days from {snapshot['labelled_before']} on are not used yet"
        raise BadData(f"{error}; {delay}") from error
    return [each for one in read for each in one.read], made, dataset
