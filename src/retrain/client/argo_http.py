"""Argo Server's API over HTTP: its paths and bodies, nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import quote

from localargo import NotFound
from retrain.client.connection import Connection
from retrain.client.protocol import Change, Doc, Listing, Operation
from retrain.client.workflows import newest_first


class ArgoHttp:
    """An `ArgoServer` behind a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.restart_hint = connection.restart_hint

    @cached_property
    def namespace(self) -> str:
        """The namespace that the server manages."""
        return str(self._connection.call("GET", "/api/v1/info")["managedNamespace"])

    def create(self, workflow: Doc) -> Doc:
        return self._doc("POST", self._path("workflows"), {"namespace": self.namespace, "workflow": workflow})

    def workflows(self, selector: str = "", limit: int = 0) -> Listing:
        query = {"listOptions.labelSelector": selector, "listOptions.limit": str(limit) if limit else ""}
        answer = self._connection.call("GET", self._path("workflows"), query={k: v for k, v in query.items() if v})
        items = newest_first(answer.get("items") or [])
        more = int((answer.get("metadata") or {}).get("remainingItemCount") or 0)
        shown = items[:limit] if limit else items
        return Listing(shown, more + len(items) - len(shown))

    def workflow(self, name: str) -> Doc:
        return self._doc("GET", self._path("workflows", name))

    def delete(self, name: str) -> None:
        self._connection.call("DELETE", self._path("workflows", name))

    def operate(self, operation: Operation, name: str, options: Mapping[str, Any]) -> Doc:
        return self._doc("PUT", f"{self._path('workflows', name)}/{operation}", {"name": name, "namespace": self.namespace, **options})

    def watch(self, name: str = "") -> Iterator[Change]:
        query = {"listOptions.fieldSelector": f"metadata.name={name}"} if name else {}
        for result in self._connection.results(self._path("workflow-events"), query):
            yield Change(result["type"], result["object"])

    def log(self, name: str, pod: str, container: str, follow: bool) -> Iterator[str]:
        query = {"podName": pod, "logOptions.container": container, "logOptions.follow": "true" if follow else "false"}
        for result in self._connection.results(f"{self._path('workflows', name)}/log", query):
            yield str(result.get("content") or "")

    def templates(self) -> list[Doc]:
        return self._items(self._path("workflow-templates"))

    def cluster_templates(self) -> list[Doc]:
        return self._items("/api/v1/cluster-workflow-templates")

    def template(self, name: str) -> Doc:
        return self._doc("GET", self._path("workflow-templates", name))

    def store_template(self, template: Doc) -> Doc:
        name = template["metadata"]["name"]
        try:
            there = self.template(name)
        except NotFound:
            return self._doc("POST", self._path("workflow-templates"), {"namespace": self.namespace, "template": template})
        version = there["metadata"].get("resourceVersion")
        changed = {**template, "metadata": {**template["metadata"], "resourceVersion": version}}
        body = {"name": name, "namespace": self.namespace, "template": changed}
        return self._doc("PUT", self._path("workflow-templates", name), body)

    def delete_template(self, name: str) -> None:
        self._connection.call("DELETE", self._path("workflow-templates", name))

    def _path(self, collection: str, name: str = "") -> str:
        path = f"/api/v1/{collection}/{quote(self.namespace, safe='')}"
        return f"{path}/{quote(name, safe='')}" if name else path

    def _doc(self, method: str, path: str, body: Doc | None = None) -> Doc:
        answer: Doc = self._connection.call(method, path, body)
        return answer

    def _items(self, path: str) -> list[Doc]:
        return list(self._connection.call("GET", path).get("items") or [])
