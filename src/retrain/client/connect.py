"""The clients of a place: a state folder's engine, or a cluster."""

from __future__ import annotations

from pathlib import Path

from retrain.client.argo_http import ArgoHttp
from retrain.client.connection import Connection
from retrain.client.local_engine import LocalEngine
from retrain.client.place import Cluster, Place
from retrain.client.protocol import ArgoServer


def argo_server(place: Place) -> ArgoServer:
    """The place as an Argo Server. Raises Unavailable where no engine runs, InvalidInput for a context that is not there."""
    if isinstance(place, Cluster):
        from retrain.client.cluster.workflows import ArgoOnKubernetes

        return ArgoOnKubernetes(place)
    return ArgoHttp(Connection(place))


def local_engine(state: Path) -> LocalEngine:
    """The engine by its own paths. Raises Unavailable when none runs."""
    return LocalEngine(Connection(state))
