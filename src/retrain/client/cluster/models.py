"""The models whose specs a namespace has."""

from __future__ import annotations

from localargo import NotFound
from retrain.client.cluster.api import Forbidden, KubernetesApi
from retrain.client.local_engine import files_in
from retrain.client.place import Cluster


def spec_files_of(cluster: Cluster) -> dict[str, str] | None:
    """The files of the ConfigMap `models`; None where there is none or the user may not read it."""
    api = KubernetesApi(cluster)
    try:
        return files_in(api.call("GET", f"/api/v1/namespaces/{api.namespace}/configmaps/models"))
    except (NotFound, Forbidden):
        return None
