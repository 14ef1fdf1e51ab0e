"""Workflows of a cluster without an Argo Server."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from localargo import AlreadyExists, NotFound, Unsupported
from retrain.client.cluster.api import ARGO, MERGE, NAMES_ONLY, Forbidden, KubernetesApi
from retrain.client.cluster.nodes import explained, readable, waiting
from retrain.client.cluster.operations import patch, resubmitted
from retrain.client.cluster.pods import log, pods_of, warnings_of
from retrain.client.place import Cluster
from retrain.client.protocol import Change, Doc, Listing, Operation
from retrain.client.workflows import newest_first

STRICT = {"fieldValidation": "Strict"}  # a misspelt field is refused, not dropped
CONFLICTS = 5  # in a row, with the controller, before the error is shown
FEW = 4  # asking one by one pays when at most a quarter of all Workflows is wanted


class ArgoOnKubernetes:
    """An `ArgoServer` made of Argo's custom resources."""

    def __init__(self, cluster: Cluster) -> None:
        self._api = KubernetesApi(cluster)
        self.restart_hint = self._api.restart_hint

    def create(self, workflow: Doc) -> Doc:
        return readable(self._doc("POST", self._path("workflows"), workflow, STRICT))

    def workflows(self, selector: str = "", limit: int = 0) -> Listing:
        """The API server sorts by name, so all names are read; of a few the Workflows are then read one by one."""
        query = {"labelSelector": selector} if selector else {}
        if not limit:
            return Listing(newest_first([readable(w) for w in self._api.items(self._path("workflows"), query)[0]]), 0)
        names = newest_first(self._api.items(self._path("workflows"), query, NAMES_ONLY)[0])
        if len(names) <= FEW * limit:
            whole = self.workflows(selector).items
            return Listing(whole[:limit], max(0, len(whole) - limit))
        shown = [found for each in names[:limit] if (found := self._still_there(each["metadata"]["name"]))]
        return Listing(shown, len(names) - len(shown))

    def _still_there(self, name: str) -> Doc | None:
        try:
            return readable(self._stored(name))
        except NotFound:
            return None

    def workflow(self, name: str) -> Doc:
        return self._explained(readable(self._stored(name)))

    def delete(self, name: str) -> None:
        self._api.call("DELETE", self._path("workflows", name))

    def operate(self, operation: Operation, name: str, options: Mapping[str, Any]) -> Doc:
        cluster = self._api.cluster
        if operation == "retry" or options.get("memoized"):
            flags = " --memoized" if options.get("memoized") else ""
            raise Unsupported(
                f"retrain {operation}{flags} on a cluster would reset nodes and delete pods behind the controller:"
                f" use `argo {operation} {name}{flags} --context {cluster.context} -n {self._api.namespace}`"
            )
        if operation == "resubmit":
            given = dict(text.split("=", 1) for text in options.get("parameters") or [])
            return self.create(resubmitted(self._stored(name), given))
        return self._patched(operation, name, options)

    def _patched(self, operation: Operation, name: str, options: Mapping[str, Any]) -> Doc:
        """Patch the very version that was read: where the controller was faster, read it anew."""
        for attempt in range(CONFLICTS):
            stored = self._stored(name)
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            change = patch(operation, stored, options, now)
            if not change:
                return readable(stored)
            change["metadata"] = {"resourceVersion": stored["metadata"]["resourceVersion"]}
            try:
                return readable(self._api.call("PATCH", self._path("workflows", name), change, headers=MERGE))
            except AlreadyExists:
                if attempt == CONFLICTS - 1:
                    raise
                time.sleep(0.1 * 2**attempt)
        raise AssertionError("the loop returns or raises")

    def watch(self, name: str = "") -> Iterator[Change]:
        query = {"fieldSelector": f"metadata.name={name}"} if name else {}
        for change in self._api.changes(self._path("workflows"), query, [name] if name else []):
            yield Change(change.type, self._explained(readable(change.workflow)))

    def log(self, name: str, pod: str, container: str, follow: bool) -> Iterator[str]:
        return log(self._api, name, pod, container, follow)

    def templates(self) -> list[Doc]:
        return self._api.items(self._path("workflowtemplates"))[0]

    def cluster_templates(self) -> list[Doc]:
        """None where the user may not see them: Argo itself then says at the start what is missing."""
        try:
            return self._api.items(f"{ARGO}/clusterworkflowtemplates")[0]
        except Forbidden:
            return []

    def template(self, name: str) -> Doc:
        return self._doc("GET", self._path("workflowtemplates", name))

    def store_template(self, template: Doc) -> Doc:
        name = template["metadata"]["name"]
        try:
            version = self.template(name)["metadata"]["resourceVersion"]
        except NotFound:
            return self._doc("POST", self._path("workflowtemplates"), template, STRICT)
        changed = {**template, "metadata": {**template["metadata"], "resourceVersion": version}}
        return self._doc("PUT", self._path("workflowtemplates", name), changed, STRICT)

    def delete_template(self, name: str) -> None:
        self._api.call("DELETE", self._path("workflowtemplates", name))

    def _explained(self, workflow: Doc) -> Doc:
        """With the reasons of Pending nodes, where the user may read pods and events."""
        if not waiting(workflow):
            return workflow
        try:
            return explained(workflow, pods_of(self._api, workflow["metadata"]["name"]), warnings_of(self._api))
        except Forbidden:
            return workflow

    def _stored(self, name: str) -> Doc:
        return self._doc("GET", self._path("workflows", name))

    def _path(self, collection: str, name: str = "") -> str:
        path = f"{ARGO}/namespaces/{quote(self._api.namespace, safe='')}/{collection}"
        return f"{path}/{quote(name, safe='')}" if name else path

    def _doc(self, method: str, path: str, body: Doc | None = None, query: Mapping[str, str] | None = None) -> Doc:
        answer: Doc = self._api.call(method, path, body, query)
        answer.get("metadata", {}).pop("managedFields", None)
        return answer
