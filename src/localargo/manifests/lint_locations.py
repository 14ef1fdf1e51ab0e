"""What the checks of workflows pass to each other: locations in documents, templates, and the library of known documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from localargo.manifests import schema
from localargo.manifests.document import Document
from localargo.manifests.report import Report


@dataclass(slots=True)
class Library:
    """WorkflowTemplates and ConfigMaps by name: those being checked, and those already known."""

    templates: dict[str, Document] = field(default_factory=dict)
    cluster_templates: dict[str, Document] = field(default_factory=dict)
    configmaps: dict[str, Document] = field(default_factory=dict)
    _sound: dict[int, bool] = field(default_factory=dict)

    def add(self, document: Document) -> None:
        if document.kind == "ConfigMap" and not _readable(document):
            return
        tables = {"WorkflowTemplate": self.templates, "ClusterWorkflowTemplate": self.cluster_templates, "ConfigMap": self.configmaps}
        if document.kind in tables:
            tables[document.kind][document.name] = document

    def find(self, reference: Mapping[str, Any]) -> Document | None:
        """What a templateRef or workflowTemplateRef names; a document with wrong types counts as missing."""
        found = self.of(reference).get(str(reference.get("name") or ""))
        if found is None:
            return None
        if id(found) not in self._sound:
            self._sound[id(found)] = schema.check(found, Report())
        return found if self._sound[id(found)] else None

    def of(self, reference: Mapping[str, Any]) -> dict[str, Document]:
        return self.cluster_templates if reference.get("clusterScope") else self.templates


def _readable(configmap: Document) -> bool:
    """Whether metadata, labels and data are mappings, as the checks assume."""
    metadata = configmap.doc.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, dict) else []
    return all(part is None or isinstance(part, dict) for part in (labels, configmap.doc.get("data")))


@dataclass(frozen=True, slots=True)
class Location:
    """A field of a document. `prefix` begins Argo's messages about it."""

    document: Document
    path: str
    prefix: str = ""

    def at(self, path: str, prefix: str = "") -> Location:
        return Location(self.document, f"{self.path}.{path}" if path else self.path, self.prefix + prefix)


@dataclass(frozen=True, slots=True)
class Template:
    """A template with its location; names inside it are looked up in `place.document`."""

    doc: dict[str, Any]
    place: Location

    @property
    def name(self) -> str:
        return str(self.doc.get("name") or "")
