"""Saving a model without pickle, and naming what it has learned.

A model is named by a digest of its learned arrays, not of its file, which holds how it was computed as well. Loading trusts
scikit-learn's own types and, per estimator, a short list; a file that holds anything else is refused.
"""

from __future__ import annotations

import hashlib
from typing import Any

from handlers.errors import BadData
from handlers.models import skops_file
from handlers.models.kinds import Kind

# how a model was computed, not what it is
LEFT_OUT = frozenset({"n_jobs", "verbose", "_sample_weight"})


def dump(estimator: Any) -> bytes:
    """The estimator as a skops file, the optimizer's state included."""
    return skops_file.dumps(estimator)


def load(data: bytes, kind: Kind, where: str) -> Any:
    """The estimator of a skops file; BadData when it is damaged, is of another estimator, or contains types that it does not need."""
    from zipfile import BadZipFile

    from skops import io

    try:
        beyond = [name for name in io.get_untrusted_types(data=data) if name not in kind.trusted]
        if beyond:
            raise BadData(
                f"{where}: the model file contains types that {kind.name} does not need: {', '.join(sorted(beyond))}; it is not loaded"
            )
        estimator = io.loads(data, trusted=list(kind.trusted))
    except (BadZipFile, KeyError, ValueError, TypeError) as error:
        raise BadData(f"{where}: not a readable model file ({error}); delete the trial's folder to train it again") from error
    if type(estimator) is not kind.type():
        raise BadData(f"{where}: contains {type(estimator).__name__}, but the trial's estimator is {kind.name}")
    return estimator


def state_digest(estimator: Any) -> str:
    """16 hex digits over everything the estimator has learned: equal digests mean bit-equal arrays."""
    found = hashlib.sha256()
    _feed(found, estimator, 0)
    return found.hexdigest()[:16]


def finite(estimator: Any) -> bool:
    """Whether the learned arrays hold only numbers (a training that diverged leaves NaN or infinity)."""
    import numpy as np

    arrays: list[Any] = []
    for name, value in vars(estimator).items():
        if name.endswith("_") and not name.startswith("_"):
            arrays.extend(value if isinstance(value, list) else [value])
    return all(bool(np.isfinite(a).all()) for a in arrays if isinstance(a, np.ndarray) and a.dtype.kind == "f")


def _feed(found: Any, value: Any, depth: int) -> None:
    import numpy as np

    if depth > 12:
        raise ValueError("the learned state is nested deeper than any estimator allowed here")
    if isinstance(value, np.ndarray):
        _feed_array(found, value, depth)
    elif isinstance(value, (np.generic, bool, int, float, str, bytes, type(None))):
        plain = value.item() if isinstance(value, np.generic) else value
        found.update(f"{type(plain).__name__}:{plain!r};".encode())
    elif isinstance(value, dict):
        for key in sorted(value, key=str):
            if key not in LEFT_OUT:
                found.update(f"{key}=".encode())
                _feed(found, value[key], depth + 1)
    elif isinstance(value, (list, tuple)):
        found.update(f"[{len(value)}".encode())
        for item in value:
            _feed(found, item, depth + 1)
    else:
        found.update(f"<{type(value).__name__}".encode())
        _feed(found, _state(value), depth + 1)


def _feed_array(found: Any, value: Any, depth: int) -> None:
    import numpy as np

    if value.dtype.names:
        # field by field: the padding between the fields of a tree's node is whatever memory held
        for name in value.dtype.names:
            found.update(f"{name}=".encode())
            _feed_array(found, value[name], depth)
    elif value.dtype == object:
        _feed(found, value.tolist(), depth + 1)
    else:
        found.update(f"{value.dtype.str}{value.shape}".encode())
        found.update(np.ascontiguousarray(value).tobytes())


def _state(value: Any) -> Any:
    """What an object is made of: its attributes, a compiled tree's arrays, a generator's state; nothing for a stateless loss."""
    import numpy as np

    if isinstance(value, np.random.RandomState):
        return value.get_state(legacy=True)
    if isinstance(value, np.random.Generator):
        return value.bit_generator.state
    if hasattr(value, "__dict__"):
        return vars(value)
    state = value.__getstate__() if hasattr(value, "__getstate__") else None
    return state if isinstance(state, dict) else None
