"""The clients of a state folder's engine."""

from __future__ import annotations

from pathlib import Path

from retrain.client.argo_http import ArgoHttp
from retrain.client.connection import Connection
from retrain.client.local_engine import LocalEngine
from retrain.client.protocol import ArgoServer


def argo_server(state: Path) -> ArgoServer:
    """The engine as an Argo Server. Raises Unavailable when none runs."""
    return ArgoHttp(Connection(state))


def local_engine(state: Path) -> LocalEngine:
    """The engine by its own paths. Raises Unavailable when none runs."""
    return LocalEngine(Connection(state))
