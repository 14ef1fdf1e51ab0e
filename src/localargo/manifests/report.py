"""The findings of the checks."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from localargo.errors import Finding, Severity
from localargo.manifests.document import Document

IN_CREATED_OBJECT = "Argo refuses the object that this creates: "
INVALID_SPEC = "invalid spec: "  # how Argo's controller begins the message of a Workflow that it refuses


class Report:
    """Findings in the order in which they were found, each reported once."""

    def __init__(self, now: float | None = None) -> None:
        self.now = now  # epoch seconds; without it nothing is said that depends on the date
        self.findings: list[Finding] = []
        self._reported: set[tuple[int, str, str]] = set()
        self._documents: list[Document] = []  # kept alive, so that no other document gets the identity of a reported one
        self.already_checked: set[int] = set()  # documents (by identity) whose warnings were reported before

    def add(self, severity: Severity, document: Document, path: str, message: str, hint: str = "", lead: str = "") -> None:
        """`lead` begins the message, but does not count when the same is found again on another way.

        Argo checks a document within a document only when it creates it, so an error there is a warning now.
        """
        if severity == "error" and document.inside:
            severity, lead = "warning", f"{IN_CREATED_OBJECT}{lead}"
        identity = (id(document), path, message)
        if identity in self._reported or (severity == "warning" and id(document) in self.already_checked):
            return
        self._reported.add(identity)
        self._documents.append(document)
        self.findings.append(Finding(severity, document.file, document.line(path), document.named(path), lead + message, hint))

    def error(self, document: Document, path: str, message: str, hint: str = "") -> None:
        """What Argo refuses."""
        self.add("error", document, path, message, hint)

    def refusal(self, document: Document, path: str, lead: str, core: str, hint: str = "") -> None:
        """What Argo's validation of a Workflow refuses, in Argo's own message."""
        self.add("error", document, path, core, hint, lead)

    def unsupported(self, document: Document, path: str, message: str, hint: str = "") -> None:
        """What this engine refuses."""
        self.add("unsupported", document, path, message, hint)

    def warning(self, document: Document, path: str, message: str, hint: str = "") -> None:
        """What Argo accepts and fails on later."""
        self.add("warning", document, path, message, hint)


def nearest(name: str, names: Iterable[str]) -> str:
    """The known name that was probably meant, empty when none is near."""
    known = list(names)
    folded = {each.lower(): each for each in known}
    if name.lower() in folded:
        return folded[name.lower()]
    found = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return found[0] if found else ""


def hint_for(name: str, names: Iterable[str]) -> str:
    """A hint for a wrong name: the nearest right one, or all names when they are few."""
    known = sorted(set(names))
    near = nearest(name, known)
    if near:
        return f"did you mean {near}?"
    if 0 < len(known) <= 8:
        return "the names are: " + ", ".join(known)
    return ""
