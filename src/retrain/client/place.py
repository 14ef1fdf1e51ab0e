"""Where a verb acts: the state folder of an embedded engine, or a namespace of a cluster."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cluster:
    """A context of the kubeconfig. Without a namespace it is the context's own, else `default`."""

    context: str
    namespace: str = ""

    def options(self) -> str:
        """The options of `retrain` that name it, to be copied from a message."""
        return f"--context {shlex.quote(self.context)}" + (f" -n {shlex.quote(self.namespace)}" if self.namespace else "")


Place = Path | Cluster
