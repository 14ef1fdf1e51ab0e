"""The clients of a place: a state folder's engine, or a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from retrain.client import state
from retrain.client.argo_http import ArgoHttp
from retrain.client.connection import Connection
from retrain.client.local_engine import LocalEngine
from retrain.client.place import Cluster, Place
from retrain.client.protocol import ArgoServer

if TYPE_CHECKING:
    from localargo import S3Bucket


def argo_server(place: Place) -> ArgoServer:
    """The place as an Argo Server. Raises Unavailable where no engine runs, InvalidInput for a context that is not there."""
    if isinstance(place, Cluster):
        from retrain.client.cluster.workflows import ArgoOnKubernetes

        return ArgoOnKubernetes(place)
    return ArgoHttp(Connection(place))


def local_engine(folder: Path) -> LocalEngine:
    """The engine of a state folder by its own paths. Raises Unavailable when none runs."""
    return LocalEngine(Connection(folder))


def bucket_environment(place: Place) -> dict[str, str]:
    """The standard AWS variables and RETRAIN_BUCKET of the place's bucket. Raises Unavailable when it does not answer."""
    if isinstance(place, Cluster):
        from retrain.client.cluster import bucket

        return bucket.bucket_environment(place)
    return state.bucket_environment(place)


def bucket_of(place: Place) -> S3Bucket:
    """The place's bucket."""
    from localargo import S3Bucket

    environment = bucket_environment(place)
    return S3Bucket(environment["RETRAIN_BUCKET"], environment)


def models(place: Place) -> list[str] | None:
    """The models whose specs the place has, by the names that events give them; None without a ConfigMap `models`."""
    files = spec_files(place)
    return None if files is None else sorted(name.removesuffix(".yaml") for name in files if name.endswith(".yaml"))


def spec_files(place: Place) -> dict[str, str] | None:
    """The specs that runs at the place read, and the statements beside them, by file name; None without a ConfigMap `models`."""
    if isinstance(place, Cluster):
        from retrain.client.cluster.models import spec_files_of

        return spec_files_of(place)
    return local_engine(place).spec_files()


def beside(files: dict[str, str], model: str) -> list[str]:
    """The options that give a handler what stands beside the model's spec."""
    return ["--query", files.get(f"{model}.sql", ""), "--code", files.get(f"{model}.py", "")]
