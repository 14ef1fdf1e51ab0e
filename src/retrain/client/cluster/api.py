"""The Kubernetes API of one context: lists page by page, watches that go on where they stopped, and errors in one sentence."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from localargo import AlreadyExists, InvalidInput, LocalArgoError, NotFound, Unavailable
from retrain.client.cluster.kubeconfig import opened
from retrain.client.connection import HttpServer
from retrain.client.place import Cluster
from retrain.client.protocol import Change, Doc

ARGO = "/apis/argoproj.io/v1alpha1"
MERGE = {"Content-Type": "application/merge-patch+json"}
NAMES_ONLY = {"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}
PAGE = 500  # documents of one answer
WATCH_SECONDS = 240  # one request of a watch; the next goes on where it ended, so a connection that died unnoticed is replaced
GRACE_SECONDS = 30
ATTEMPTS = 6  # in a row, of a watch: half a minute in all
GONE = 410
ERRORS: Mapping[int, type[LocalArgoError]] = {400: InvalidInput, 404: NotFound, 405: InvalidInput, 409: AlreadyExists, 422: InvalidInput}


class Forbidden(LocalArgoError):
    """The cluster does not allow it to this user."""


class Expired(LocalArgoError):
    """What a watch or a list would go on from has been forgotten: list again."""


class KubernetesApi(HttpServer):
    """The API server of a context, and the namespace that is meant."""

    def __init__(self, cluster: Cluster) -> None:
        http, self.address, self.namespace = opened(cluster)
        self.cluster = cluster
        hint = f"check with `kubectl --context {cluster.context} version`"
        super().__init__(http, f"the API server of context {cluster.context} at {self.address} does not answer", hint)

    def refusal(self, status: int, message: str) -> LocalArgoError:
        """The error for an answer with this status, in one sentence."""
        context = self.cluster.context
        if status == 401:
            return Forbidden(f"the cluster of context {context} does not accept its credentials: log in again as you do for kubectl")
        if status == 403:
            return Forbidden(f"context {context}: {message}")
        if status == GONE:
            return Expired(message)
        if status == 404 and ("could not find the requested resource" in message or "404 page not found" in message):
            return NotFound(f"context {context} has no Argo: its API server does not know the kind; `retrain doctor --context {context}`")
        if status in (429, 500, 502, 503, 504):
            return Unavailable(f"the API server of context {context} answered {status}: {message}")
        return ERRORS.get(status, LocalArgoError)(message)

    def clock(self) -> datetime:
        """The time of the API server."""
        return parsedate_to_datetime(self._http.get("/version").headers["date"])

    def items(self, path: str, query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> tuple[list[Doc], str]:
        """The documents of a list, and the version of the list."""
        while True:
            try:
                return self._pages(path, dict(query or {}), headers)
            except Expired:  # paging took longer than the server remembers
                continue

    def _pages(self, path: str, query: dict[str, str], headers: Mapping[str, str] | None) -> tuple[list[Doc], str]:
        found: list[Doc] = []
        query["limit"] = str(PAGE)
        while True:
            answer = self.call("GET", path, query=query, headers=headers)
            found += answer.get("items") or []
            metadata = answer.get("metadata") or {}
            if not metadata.get("continue"):
                return found, str(metadata.get("resourceVersion") or "")
            query["continue"] = metadata["continue"]

    def changes(self, path: str, query: Mapping[str, str], expected: Iterable[str] = ()) -> Iterator[Change]:
        """The documents as they are, then each change, for ever; those expected that are not there any more are DELETED.

        Raises Unavailable when the server stays away.
        """
        known: dict[str, Doc] = {name: {"metadata": {"name": name}} for name in expected}
        version = ""
        failures = 0
        while True:
            try:
                if not version:
                    found, version = self.items(path, query)
                    yield from _since(known, found)
                for change in self._events(path, query, version):
                    failures = 0
                    version = change.workflow["metadata"]["resourceVersion"]
                    if change.type != "BOOKMARK":
                        _keep(known, change)
                        yield change
            except Expired:
                version = ""
            except Unavailable:
                failures += 1
                if failures == ATTEMPTS:
                    raise
                time.sleep(2 ** (failures - 1))

    def _events(self, path: str, query: Mapping[str, str], version: str) -> Iterator[Change]:
        asked = {"watch": "true", "resourceVersion": version, "timeoutSeconds": str(WATCH_SECONDS), "allowWatchBookmarks": "true"}
        for line in self.lines(path, {**query, **asked}, {}, WATCH_SECONDS + GRACE_SECONDS):
            event = json.loads(line)
            if event["type"] == "ERROR":
                status: Any = event["object"]
                raise self.refusal(int(status.get("code") or 500), str(status.get("message")))
            yield Change(event["type"], event["object"])


def _keep(known: dict[str, Doc], change: Change) -> None:
    name = change.workflow["metadata"]["name"]
    if change.type == "DELETED":
        known.pop(name, None)
    else:
        known[name] = {"metadata": change.workflow["metadata"]}


def _since(known: dict[str, Doc], found: list[Doc]) -> list[Change]:
    """What has changed between what was known and what a new list says."""
    there = {doc["metadata"]["name"]: doc for doc in found}
    told = [Change("DELETED", known[name]) for name in known if name not in there]
    for name, doc in there.items():
        before = known.get(name, {}).get("metadata", {})
        if before.get("resourceVersion") != doc["metadata"]["resourceVersion"]:
            told.append(Change("MODIFIED" if before else "ADDED", doc))
    for change in told:
        _keep(known, change)
    return told
