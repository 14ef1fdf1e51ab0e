"""Check manifests before anything runs."""

from __future__ import annotations

from collections.abc import Sequence

from retrain.errors import Finding
from retrain.manifests.document import Document


def check(documents: Sequence[Document], world: Sequence[Document] = ()) -> list[Finding]:
    """Every finding about the documents, in their order."""
    return []
