"""All documents except Workflows: stored in SQLite, read from memory, and passed to the reconcile function as a `World`."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from localargo.errors import NotFound
from localargo.manifests.yaml import load_documents
from localargo.ports import Doc
from localargo.workflows.memoize import remembered
from localargo.workflows.messages import SaveMemo, World

SCHEMA = """
CREATE TABLE IF NOT EXISTS object(
  id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, doc TEXT NOT NULL,
  UNIQUE(kind, name));
"""

PLURALS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Workflow": "workflows.argoproj.io",
        "WorkflowTemplate": "workflowtemplates.argoproj.io",
        "ClusterWorkflowTemplate": "clusterworkflowtemplates.argoproj.io",
        "CronWorkflow": "cronworkflows.argoproj.io",
        "EventSource": "eventsources.argoproj.io",
        "EventBus": "eventbus.argoproj.io",
        "Sensor": "sensors.argoproj.io",
        "ConfigMap": "configmaps",
        "Secret": "secrets",
        "ServiceAccount": "serviceaccounts",
        "Namespace": "namespaces",
        "PersistentVolumeClaim": "persistentvolumeclaims",
        "Role": "roles.rbac.authorization.k8s.io",
        "RoleBinding": "rolebindings.rbac.authorization.k8s.io",
    }
)

SHORT: Final[Mapping[str, str]] = MappingProxyType(
    {"wf": "Workflow", "wftmpl": "WorkflowTemplate", "cm": "ConfigMap", "es": "EventSource", "eb": "EventBus"}
)


def resource_name(kind: str) -> str:
    """The API server's name for the kind in messages: `workflows.argoproj.io`, `configmaps`."""
    return PLURALS.get(kind, kind.lower() + "s")


def not_found(kind: str, name: str) -> NotFound:
    """The API server's error for a missing document."""
    return NotFound(f'{resource_name(kind)} "{name}" not found')


def known_kind(word: str) -> str:
    """The kind with this name, plural or short name, ignoring case; the word itself when no kind matches."""
    low = word.lower()
    for kind, plural in PLURALS.items():
        if low in (kind.lower(), plural, plural.partition(".")[0]):
            return kind
    return SHORT.get(low, word)


class Documents:
    """The documents by kind and name. Writing methods must be called inside a transaction; a stored tree is never changed in place."""

    def __init__(self, connection: sqlite3.Connection, namespace: str, environment: Mapping[str, str]) -> None:
        self._db = connection
        self.namespace = namespace
        self._environment = environment
        self._kinds: dict[str, dict[str, Doc]] = {}
        self._world: World | None = None
        self._version = connection.execute("SELECT coalesce(max(version), 0) FROM object").fetchone()[0]
        self.repository: Doc = {}  # the artifact repository when no document configures one
        self.resolve_repository: Callable[[Doc], Doc] = lambda repository: repository
        self.reload()

    def reload(self) -> None:
        """Read everything again: a transaction that wrote was rolled back."""
        self._kinds = {}
        self._world = None
        for kind, name, doc in self._db.execute("SELECT kind, name, doc FROM object ORDER BY id"):
            self._kinds.setdefault(kind, {})[name] = json.loads(doc)

    def next_version(self) -> str:
        """The next resource version, a string as in the API server."""
        self._version += 1
        return str(self._version)

    def get(self, kind: str, name: str) -> Doc | None:
        """The document; None when it does not exist."""
        return self._kinds.get(kind, {}).get(name)

    def of_kind(self, kind: str) -> list[Doc]:
        """All documents of a kind, oldest first."""
        return list(self._kinds.get(kind, {}).values())

    def everything(self) -> list[Doc]:
        """All documents of all kinds."""
        return [doc for docs in self._kinds.values() for doc in docs.values()]

    def put(self, doc: Doc) -> None:
        """Store the document under its kind and name; replaces an earlier one."""
        kind, name = doc["kind"], doc["metadata"]["name"]
        text = json.dumps(doc, separators=(",", ":"), ensure_ascii=False)
        self._db.execute(
            "INSERT INTO object(kind, name, version, doc) VALUES (?, ?, ?, ?)"
            " ON CONFLICT(kind, name) DO UPDATE SET version = excluded.version, doc = excluded.doc",
            (kind, name, self._version, text),
        )
        self._kinds[kind] = {**self._kinds.get(kind, {}), name: doc}
        self._world = None

    def remember(self, memos: Sequence[SaveMemo], now: float) -> None:
        """Write memoized outputs to the ConfigMaps of their caches."""
        for cache in dict.fromkeys(memo.cache for memo in memos):
            document = remembered(self.get("ConfigMap", cache), [memo for memo in memos if memo.cache == cache], now)
            served = {"namespace": self.namespace, "uid": str(uuid.uuid4()), **document["metadata"]}
            self.put({**document, "metadata": {**served, "resourceVersion": self.next_version()}})

    def remove(self, kind: str, name: str) -> None:
        """Delete the document."""
        self._db.execute("DELETE FROM object WHERE kind = ? AND name = ?", (kind, name))
        self._kinds[kind] = {n: d for n, d in self._kinds.get(kind, {}).items() if n != name}
        self._world = None

    def world(self) -> World:
        """The current snapshot for runs; the same object until a document changes."""
        if self._world is None:
            settings = self.get("ConfigMap", "workflow-controller-configmap")
            self._world = World(
                namespace=self.namespace,
                templates=self._kinds.get("WorkflowTemplate", {}),
                cluster_templates=self._kinds.get("ClusterWorkflowTemplate", {}),
                configmaps=self._kinds.get("ConfigMap", {}),
                secrets=self._kinds.get("Secret", {}),
                artifact_repository=self._repository(settings),
                workflow_defaults=_setting(settings, "workflowDefaults"),
                pod_environment=self._environment,
            )
        return self._world

    def forget_world(self) -> None:
        """Build the next snapshot anew: something outside the documents has changed."""
        self._world = None

    def _repository(self, settings: Doc | None) -> Doc:
        given = _setting(settings, "artifactRepository")
        return self.resolve_repository(given) if given else self.repository


def _setting(settings: Doc | None, key: str) -> Doc:
    """One value of the controller's ConfigMap: YAML under its own key, or everything under the key `config`."""
    data = (settings or {}).get("data") or {}
    tree = _mapping(data[key]) if key in data else _mapping(data.get("config") or "").get(key)
    return tree if isinstance(tree, dict) else {}


def _mapping(text: str) -> Doc:
    documents = load_documents(text, "ConfigMap/workflow-controller-configmap")
    return documents[0].doc if documents else {}
