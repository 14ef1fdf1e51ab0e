"""A sample payload for every kind of EventSource, as Argo Events gives it: something to replay before the first real event."""

from __future__ import annotations

import json

from localargo.errors import NotFound
from localargo.manifests.source_kinds.registry import KINDS


def sample(kind: str) -> str:
    """The payload of a kind as JSON text. Raises NotFound naming the kinds."""
    if kind not in KINDS:
        raise NotFound(f"no sample of the kind {kind!r}; there are {', '.join(sorted(KINDS))}")
    return json.dumps(KINDS[kind].sample, ensure_ascii=False)
