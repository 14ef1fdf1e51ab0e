"""The part of the API server: gives documents names, uids and times, checks them, and stores them."""

from __future__ import annotations

import base64
import copy
import secrets
import sqlite3
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from localargo.clock import timestamp
from localargo.errors import AlreadyExists, InvalidInput, NotFound, refuse
from localargo.manifests import metadata as metadata_rules
from localargo.manifests.document import Document
from localargo.manifests.merge import merge_patch
from localargo.manifests.report import INVALID_SPEC
from localargo.manifests.validate import argo_message, check
from localargo.ports import Clock, Doc, LabelFilter
from localargo.store import nested_transaction
from localargo.workflows import status
from localargo.workflows.active_workflow import refused
from localargo.workflows.controller import Controller
from localargo.workflows.messages import Operated
from localargo.workflows.objects import Documents, known_kind, not_found, resource_name

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # of the API server's generated suffixes: no vowels, no characters that look alike
LONGEST_BASE = 58
CHECKED = frozenset({"Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "EventSource", "EventBus", "Sensor"})
TEMPLATE_LABEL = "workflows.argoproj.io/workflow-template"
CLUSTER_TEMPLATE_LABEL = "workflows.argoproj.io/cluster-workflow-template"


class Admission:
    """`ports.Objects` on the documents and the controller. Takes part in an open transaction, if there is one."""

    def __init__(self, connection: sqlite3.Connection, documents: Documents, controller: Controller, clock: Clock, namespace: str) -> None:
        self._db = connection
        self._documents = documents
        self._controller = controller
        self._clock = clock
        self._namespace = namespace
        self.listeners: list[Callable[[str, str], None]] = []  # called with kind and name of each changed document other than a Workflow

    # ------------------------------------------------------------------------------------------ ports.Objects

    def create(self, doc: Doc, *, checked: bool = False, known: Doc | None = None) -> Doc:
        """Store a new document. Raises AlreadyExists, InvalidInput, Unsupported.

        `known`: the `status` that a memoized resubmit passes on; any other status is dropped.
        """
        admitted = self._admit(doc)
        kind, name = admitted["kind"], admitted["metadata"]["name"]
        if self._taken(kind, name):  # before the checks, because a burst of events repeats one name
            raise AlreadyExists(f'{resource_name(kind)} "{name}" already exists')
        refusal = "" if checked and kind != "Workflow" else self._check(admitted)
        if kind == "Workflow":
            return self._controller.insert({**admitted, "status": known} if known else admitted, refusal)
        self._put(admitted)
        return admitted

    def examine(self, doc: Doc) -> Doc:
        """The document as it would be stored; stores nothing. Raises InvalidInput, Unsupported."""
        admitted = self._admit(doc)
        if refusal := self._check(admitted):
            raise InvalidInput(refusal)
        return admitted

    def get(self, kind: str, name: str) -> Doc:
        """The document, for a Workflow with its status. Raises NotFound."""
        kind = known_kind(kind)
        if kind == "Workflow":
            return status.compose(self._controller.run_of(name))
        doc = self._documents.get(kind, name)
        if doc is None:
            raise not_found(kind, name)
        return doc

    def list(self, kind: str, fits: LabelFilter | None = None) -> list[Doc]:
        """All documents of the kind whose labels fit, oldest first."""
        kind = known_kind(kind)
        if kind == "Workflow":
            return [status.compose(self._controller.run_of(name)) for name in self._controller.ledger.names(fits)]
        return [doc for doc in self._documents.of_kind(kind) if fits is None or fits(doc["metadata"].get("labels") or {})]

    def newest_workflows(self, fits: LabelFilter | None = None, limit: int = 0, skip: int = 0) -> tuple[Sequence[Doc], int]:
        """The Workflows whose labels fit, newest first, without the first `skip` and at most `limit` (0: all), and how many follow."""
        names = self._controller.ledger.names(fits)[::-1][skip:]
        shown = names[:limit] if limit else names
        return [status.compose(self._controller.run_of(name)) for name in shown], len(names) - len(shown)

    def apply(self, doc: Doc, *, checked: bool = False) -> Doc:
        """Create the document, or replace metadata, spec and data of the stored one; status, uid and creation time stay.

        `checked`: it was checked already, together with documents that may not be stored yet.
        """
        kind, metadata = _identity(doc)
        name = metadata.get("name")
        if not name:
            raise InvalidInput(f"{kind}: metadata.name is required for apply; use create for generateName")
        try:
            there = self._stored(kind, name)
        except NotFound:
            return self.create(doc, checked=checked)
        kept = {k: there["metadata"][k] for k in ("uid", "creationTimestamp", "namespace") if k in there["metadata"]}
        labels = {**(there["metadata"].get("labels") or {}), **(metadata.get("labels") or {})}
        merged = {**copy.deepcopy(doc), "kind": kind, "metadata": {**copy.deepcopy(metadata), **kept}}
        if labels:
            merged["metadata"]["labels"] = labels
        return self._replace(there, merged, checked)

    def patch(self, kind: str, name: str, patch: Doc) -> Doc:
        """JSON merge patch. Name and status cannot be patched."""
        kind = known_kind(kind)
        there = self._stored(kind, name)
        merged = merge_patch(copy.deepcopy(there), {k: v for k, v in patch.items() if k not in ("status", "apiVersion", "kind")})
        merged["metadata"] = {**merged["metadata"], "name": name, "uid": there["metadata"]["uid"]}
        return self._replace(there, merged)

    def delete(self, kind: str, name: str) -> None:
        """Delete the document; a Workflow's pods are stopped. Raises NotFound."""
        kind = known_kind(kind)
        if kind == "Workflow":
            self._controller.delete(name)
            return
        if self._documents.get(kind, name) is None:
            raise not_found(kind, name)
        with nested_transaction(self._db):
            self._documents.remove(kind, name)
        self._tell(kind, name)

    # ------------------------------------------------------------------------------------------ admission

    def _admit(self, doc: Doc) -> Doc:
        kind, metadata = _identity(doc)
        admitted: Doc = {"apiVersion": doc.get("apiVersion", ""), **copy.deepcopy(doc), "kind": kind}
        admitted.pop("status", None)
        metadata = admitted["metadata"] = dict(admitted.get("metadata") or {})
        if not metadata.get("name"):
            base = metadata.get("generateName")
            if not base:
                raise InvalidInput(f'{resource_name(kind)} "" is invalid: metadata.name: Required value: name or generateName is required')
            metadata["name"] = self._new_name(kind, str(base)[:LONGEST_BASE])
        metadata_rules.check(resource_name(kind), metadata)
        metadata["namespace"] = self._namespace
        metadata["uid"] = str(uuid.uuid4())
        metadata["creationTimestamp"] = timestamp(self._clock.now())
        metadata["resourceVersion"] = self._documents.next_version()
        metadata["generation"] = 1
        reference = ((admitted.get("spec") or {}).get("workflowTemplateRef") or {}) if kind == "Workflow" else {}
        if reference.get("name"):
            label = CLUSTER_TEMPLATE_LABEL if reference.get("clusterScope") else TEMPLATE_LABEL
            metadata["labels"] = {**(metadata.get("labels") or {}), label: reference["name"]}
        return _canonical(admitted)

    def _taken(self, kind: str, name: str) -> bool:
        return self._controller.knows(name) if kind == "Workflow" else self._documents.get(kind, name) is not None

    def _new_name(self, kind: str, base: str) -> str:
        """A name with a random suffix. Like the API server, tries up to eight times to find one that is free."""
        name = ""
        for _ in range(8):
            name = base + "".join(secrets.choice(ALPHABET) for _ in range(5))
            if not self._taken(kind, name):
                break
        return name

    def _check(self, doc: Doc) -> str:
        """Raise for what the API server refuses or this engine lacks. Returns Argo's message for an invalid Workflow, else ""."""
        if doc["kind"] in CHECKED:
            world = [Document(each) for each in self._documents.everything()]
            findings = check([Document(_as_written(doc), doc["kind"])], world)
            left = [f for f in findings if doc["kind"] == "Workflow" and f.severity == "error" and f.message.startswith(INVALID_SPEC)]
            refuse([f for f in findings if f not in left])
            return argo_message(left)
        return ""

    def afresh(self, workflow: Doc) -> Doc:
        """The head of a Workflow without nodes as if it were created now: refused again, or not yet started."""
        refusal, now = self._check(workflow), self._clock.now()
        run = refused(workflow, refusal, now) if refusal else status.new_run(workflow, self._documents.world(), now)
        return run.head

    def _replace(self, there: Doc, merged: Doc, checked: bool = False) -> Doc:
        if {k: v for k, v in merged.items() if k != "metadata"} == {k: v for k, v in there.items() if k != "metadata"} and all(
            there["metadata"].get(k) == v for k, v in merged["metadata"].items()
        ):
            return there
        merged["metadata"]["resourceVersion"] = self._documents.next_version()
        merged["metadata"]["generation"] = there["metadata"].get("generation", 1) + 1
        metadata_rules.check(resource_name(merged["kind"]), merged["metadata"])
        if not checked:
            self._check(merged)
        merged = _canonical(merged)
        if merged["kind"] == "Workflow":
            self._controller.change(merged["metadata"]["name"], merged)
            self._shut_down(there, merged)
            return self.get("Workflow", merged["metadata"]["name"])
        self._put(merged)
        return merged

    def _shut_down(self, there: Doc, merged: Doc) -> None:
        """Stop a running Workflow whose `spec.shutdown` was set: `argo stop` and `argo terminate` do nothing else."""
        asked, name = (merged.get("spec") or {}).get("shutdown"), merged["metadata"]["name"]
        running = not status.is_finished(self._controller.run_of(name))
        if asked in ("Stop", "Terminate") and asked != (there.get("spec") or {}).get("shutdown") and running:
            self._controller.operate(name, Operated("stop" if asked == "Stop" else "terminate", {}))

    def _stored(self, kind: str, name: str) -> Doc:
        return self._controller.run_of(name).workflow if kind == "Workflow" else self.get(kind, name)

    def _put(self, doc: Doc) -> None:
        with nested_transaction(self._db):
            self._documents.put(doc)
        self._tell(doc["kind"], doc["metadata"]["name"])

    def _tell(self, kind: str, name: str) -> None:
        for listener in self.listeners:
            listener(kind, name)


def _identity(doc: Doc) -> tuple[str, dict[str, Any]]:
    kind = doc.get("kind")
    if not isinstance(kind, str) or not kind:
        raise InvalidInput("the document has no kind: add one")
    metadata = doc.get("metadata")
    if not isinstance(metadata, dict):
        raise InvalidInput(f"{kind}: metadata must be a mapping that contains a name")
    return known_kind(kind), metadata


def _as_written(doc: Doc) -> Doc:
    served = ("uid", "creationTimestamp", "resourceVersion", "generation", "managedFields")
    return {**doc, "metadata": {k: v for k, v in doc["metadata"].items() if k not in served}}


def _canonical(doc: Doc) -> Doc:
    """The document as the API server stores it: a Secret's `stringData` becomes base64 `data`."""
    if doc["kind"] == "Secret" and doc.get("stringData"):
        plain = {k: base64.b64encode(str(v).encode()).decode() for k, v in doc["stringData"].items()}
        doc = {**{k: v for k, v in doc.items() if k != "stringData"}, "data": {**(doc.get("data") or {}), **plain}}
    return doc
