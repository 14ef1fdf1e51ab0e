"""The errors a user can meet, each with the exit code that the command line ends with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "unsupported", "warning", "kept"]


class LocalArgoError(Exception):
    """Something failed; the text says what and what to do next."""

    exit_code = 1


class InvalidInput(LocalArgoError):
    """What was given is wrong (a manifest, an argument, a spec)."""

    exit_code = 2


class Unsupported(LocalArgoError):
    """Valid for Argo but not supported by this engine; raised before anything starts."""

    exit_code = 3


class NotFound(LocalArgoError):
    """No object of that kind and name."""


class AlreadyExists(LocalArgoError):
    """An object of that kind and name is there already."""


class Unavailable(LocalArgoError):
    """Something that should answer does not: the engine, the bucket, a pod host. Trying again may help."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem or note about a document.

    `error`: Argo refuses it; `unsupported`: this engine refuses it; `warning`: Argo accepts it and fails on it later;
    `kept`: stored and shown, but not enforced here.
    """

    severity: Severity
    file: str
    line: int
    path: str  # "Workflow/hello spec.templates[0].container.comand"
    message: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.severity}: {self.path}: {self.message}" + (f" ({self.hint})" if self.hint else "")


def refuse(findings: list[Finding]) -> None:
    """Raise if a finding is an error (`InvalidInput`) or names something unsupported (`Unsupported`); other findings pass."""
    errors = [f for f in findings if f.severity == "error"]
    refused = [f for f in findings if f.severity == "unsupported"]
    if errors:
        raise InvalidInput("\n".join(str(f) for f in errors + refused))
    if refused:
        raise Unsupported("\n".join(str(f) for f in refused))
