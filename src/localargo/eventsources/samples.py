"""A sample payload for every kind of EventSource, as Argo Events gives it: something to replay before the first real event."""

from __future__ import annotations

import json
from importlib import resources

from localargo.errors import NotFound
from localargo.ports import Json


def samples() -> dict[str, Json]:
    """Kind to payload."""
    found: dict[str, Json] = json.loads(resources.files("localargo.eventsources").joinpath("samples.json").read_text(encoding="utf-8"))
    return found


def sample(kind: str) -> str:
    """The payload of a kind as JSON text. Raises NotFound naming the kinds."""
    found = samples()
    if kind not in found:
        raise NotFound(f"no sample of the kind {kind!r}; there are {', '.join(sorted(found))}")
    return json.dumps(found[kind], ensure_ascii=False)
