"""The models whose specs a namespace has."""

from __future__ import annotations

from localargo import NotFound
from retrain.client.cluster.api import Forbidden, KubernetesApi
from retrain.client.local_engine import models_in
from retrain.client.place import Cluster


def models_of(cluster: Cluster) -> list[str] | None:
    """By the ConfigMap `models`; None where there is none or the user may not read it."""
    api = KubernetesApi(cluster)
    try:
        return models_in(api.call("GET", f"/api/v1/namespaces/{api.namespace}/configmaps/models"))
    except (NotFound, Forbidden):
        return None
