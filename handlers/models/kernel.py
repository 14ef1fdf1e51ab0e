"""Which compiled kernels compute here: sums of floats differ between them, so exact resumption holds only under the same ones."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any


@cache
def kernel() -> dict[str, Any]:
    """{"blas": "openblas 0.3.31 Haswell x1", "machine": "x86_64"}: the loaded BLAS, its processor type and thread count."""
    import platform

    import numpy as np

    # by name: the library brings no types
    threadpool_info = import_module("threadpoolctl").threadpool_info

    np.dot(np.ones(1), np.ones(1))
    pools = sorted(
        {
            f"{p.get('internal_api')} {p.get('version')} {p.get('architecture', '')} x{p.get('num_threads')}"
            for p in threadpool_info()
            if p.get("user_api") == "blas"
        },
    )
    return {"blas": ", ".join(pools), "machine": platform.machine()}


@cache
def versions(distributions: tuple[str, ...]) -> dict[str, str]:
    """The libraries whose code decides what is learned."""
    from importlib.metadata import version

    return {name: version(name) for name in distributions}


def difference(recorded: dict[str, Any], here: dict[str, Any]) -> str | None:
    """Why a checkpoint that was written under `recorded` cannot be continued exactly under `here`; None when it can."""
    for name in sorted(set(recorded) | set(here)):
        if recorded.get(name) != here.get(name):
            return f"it was written under {name} {recorded.get(name)!r}, here it is {here.get(name)!r}"
    return None
