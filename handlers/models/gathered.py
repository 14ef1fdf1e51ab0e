"""All rows at once, for what cannot learn from batches."""

from __future__ import annotations

from collections.abc import Iterable

from handlers.data.batch import Batch, Position


def gather(batches: Iterable[Batch]) -> Batch:
    """The rows of all batches as one."""
    import numpy as np
    from scipy import sparse

    parts = list(batches)
    if not parts:
        return Batch(np.zeros((0, 0)), np.zeros(0), None, None, Position(0, 0, 0), {})
    first = parts[0].X
    X = sparse.vstack([b.X for b in parts], format="csr") if sparse.issparse(first) else np.concatenate([b.X for b in parts])
    weights = [b.weight for b in parts if b.weight is not None]
    clusters = [b.cluster for b in parts if b.cluster is not None]
    more = (np.concatenate(weights) if weights else None, np.concatenate(clusters) if clusters else None)
    return Batch(X, np.concatenate([b.y for b in parts]), *more, parts[-1].position, {})
