"""Resolves references to artifacts: `from`, `fromExpression`, `subPath`."""

from __future__ import annotations

from localargo.artifacts.keys import below
from localargo.expressions import ExpressionError, exprlang, gotext
from localargo.expressions.tags import explode, substitute
from localargo.ports import Doc
from localargo.workflows.scope import Scope


class ArtifactMissing(Exception):
    """The artifact referred to does not exist; the text is Argo's message."""


class NotAnArtifact(ArtifactMissing):
    """The reference is to something other than an artifact."""


def resolve_artifact(artifact: Doc, scope: Scope) -> Doc | None:
    """The artifact to which `from` or `fromExpression` refers; None when neither is set. Raises ArtifactMissing, ExpressionError."""
    if artifact.get("fromExpression"):
        value = exprlang.run(artifact["fromExpression"], explode(scope.everything()))
    elif artifact.get("from"):
        tag = artifact["from"].removeprefix("{{").removesuffix("}}").strip()
        if tag.startswith("="):  # Argo evaluates this expression without any names
            raise ExpressionError(f"Unable to compile: {gotext.go_quote(tag[1:])}")
        if tag in scope.artifacts:
            value = scope.artifacts[tag]
        elif tag in scope.params:
            value = scope.params[tag]
        else:
            raise ArtifactMissing(f'Unable to resolve: "{tag}"')
    else:
        return None
    if not isinstance(value, dict):
        raise NotAnArtifact(f"Variable {{{{{_printed(artifact)}}}}} is not an artifact")
    if not artifact.get("subPath"):
        return value
    return _at(value, substitute(artifact["subPath"], scope.params))


def _at(artifact: Doc, sub_path: str) -> Doc:
    s3 = artifact.get("s3")
    if not s3 or not s3.get("key"):
        return artifact
    return {**artifact, "s3": {**s3, "key": below(s3["key"], sub_path)}}


_LOCATIONS = ("ArchiveLogs", "S3", "Git", "HTTP", "Artifactory", "HDFS", "Raw", "OSS", "GCS", "Azure", "Plugin")


def _printed(artifact: Doc) -> str:
    """An artifact as Go prints it in the message."""

    def shown(field: str) -> str:
        value = artifact.get(field)
        return gotext.go_value(value) if value is not None else ""

    location = "".join(f"{name}:nil," for name in _LOCATIONS)
    fields = {
        "Name": shown("name"),
        "Path": shown("path"),
        "Mode": f"*{artifact['mode']}" if artifact.get("mode") is not None else "nil",
        "From": shown("from"),
        "ArtifactLocation": f"ArtifactLocation{{{location}}}",
        "GlobalName": shown("globalName"),
        "Archive": "nil",
        "Optional": shown("optional") or "false",
        "SubPath": shown("subPath"),
        "RecurseMode": shown("recurseMode") or "false",
        "FromExpression": shown("fromExpression"),
        "ArtifactGC": "nil",
        "Deleted": "false",
    }
    return "&Artifact{" + "".join(f"{name}:{value}," for name, value in fields.items()) + "}"


def resolve_arguments(arguments: list[Doc], scope: Scope, *, dag: bool = False) -> list[Doc]:
    """A call's artifacts with their references resolved; an optional one that cannot be resolved is left out.

    `dag`: those of a task, where an optional one is left out only if it does not exist. Raises ArtifactMissing, ExpressionError.
    """
    found = []
    for artifact in arguments:
        if not artifact.get("from") and not artifact.get("fromExpression"):
            found.append(artifact)
            continue
        try:
            resolved = resolve_artifact(artifact, scope)
        except (ArtifactMissing, ExpressionError) as error:
            missing = isinstance(error, ArtifactMissing) and not isinstance(error, NotAnArtifact)
            if artifact.get("optional") and (missing or not dag):
                continue
            raise
        found.append({**(resolved or {}), "name": artifact["name"]})
    return found
