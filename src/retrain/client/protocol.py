"""What the workflow verbs ask of an Argo Server, whether it is the embedded engine or one on a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Doc = dict[str, Any]
Operation = Literal["stop", "terminate", "suspend", "resume", "retry", "resubmit", "set"]


@dataclass(frozen=True, slots=True)
class Listing:
    """Workflows, newest first, and how many more there are."""

    items: list[Doc]
    more: int


@dataclass(frozen=True, slots=True)
class Change:
    """A Workflow that was ADDED, MODIFIED or DELETED."""

    type: str
    workflow: Doc


class ArgoServer(Protocol):
    """Workflows and WorkflowTemplates of one namespace.

    Every call raises NotFound, AlreadyExists, InvalidInput or Unsupported with the server's message, or Unavailable when no server
    answers.
    """

    @property
    def restart_hint(self) -> str:
        """What to do when the server has gone away."""

    def create(self, workflow: Doc) -> Doc:
        """Start a Workflow; the document as stored."""

    def workflows(self, selector: str = "", limit: int = 0) -> Listing:
        """Those with these labels, newest first; at most `limit` of them, 0 for all."""

    def workflow(self, name: str) -> Doc:
        """One with its status."""

    def delete(self, name: str) -> None:
        """Remove it; its pods are stopped."""

    def operate(self, operation: Operation, name: str, options: Mapping[str, Any]) -> Doc:
        """Stop it, retry it and so on; the Workflow afterwards (a new one for `resubmit`)."""

    def watch(self, name: str = "") -> Iterator[Change]:
        """The Workflows as they are, then each change; with a name, of this one alone. Ends when the server does."""

    def log(self, name: str, pod: str, container: str, follow: bool) -> Iterator[str]:
        """The lines that a container has written; with `follow` until it has ended."""

    def templates(self) -> list[Doc]:
        """All WorkflowTemplates."""

    def cluster_templates(self) -> list[Doc]:
        """All ClusterWorkflowTemplates."""

    def template(self, name: str) -> Doc:
        """One WorkflowTemplate."""

    def store_template(self, template: Doc) -> Doc:
        """Create a WorkflowTemplate, or replace the one of its name."""

    def delete_template(self, name: str) -> None:
        """Remove a WorkflowTemplate."""
