"""Artifacts that are taken from somewhere: `from`, `fromExpression`, `subPath`."""

from __future__ import annotations

from retrain.artifacts.keys import below
from retrain.expressions import exprlang
from retrain.expressions.tags import explode, substitute
from retrain.ports import Doc
from retrain.workflows.scope import Scope


class ArtifactMissing(Exception):
    """The artifact that is referred to does not exist; the text is Argo's."""


class NotAnArtifact(ArtifactMissing):
    """What is referred to is something else."""


def resolve_artifact(artifact: Doc, scope: Scope) -> Doc | None:
    """The artifact that `from` or `fromExpression` means, None when there is neither. Raises ArtifactMissing, ExpressionError."""
    if artifact.get("fromExpression"):
        value = exprlang.compile(artifact["fromExpression"]).evaluate(explode(scope.everything()))
        tag = artifact["fromExpression"]
    elif artifact.get("from"):
        tag = artifact["from"].strip()
        tag = tag[2:-2].strip() if tag.startswith("{{") and tag.endswith("}}") else tag
        if tag.startswith("="):
            value = exprlang.compile(tag[1:]).evaluate(explode(scope.everything()))
        elif tag in scope.artifacts:
            value = scope.artifacts[tag]
        elif tag in scope.params:
            value = scope.params[tag]
        else:
            raise ArtifactMissing(f'Unable to resolve: "{tag}"')
    else:
        return None
    if not isinstance(value, dict):
        raise NotAnArtifact(f"Variable {{{{{tag}}}}} is not an artifact")
    if not artifact.get("subPath"):
        return value
    return _at(value, substitute(artifact["subPath"], scope.params))


def _at(artifact: Doc, sub_path: str) -> Doc:
    s3 = artifact.get("s3")
    if not s3 or not s3.get("key"):
        return artifact
    return {**artifact, "s3": {**s3, "key": below(s3["key"], sub_path)}}


def resolve_arguments(arguments: list[Doc], scope: Scope) -> list[Doc]:
    """A call's artifacts with what they refer to; an optional one that is not there is left out.

    Raises ArtifactMissing, ExpressionError.
    """
    found = []
    for artifact in arguments:
        if not artifact.get("from") and not artifact.get("fromExpression"):
            found.append(artifact)
            continue
        try:
            resolved = resolve_artifact(artifact, scope)
        except ArtifactMissing as error:
            if artifact.get("optional") and not isinstance(error, NotAnArtifact):
                continue
            raise
        found.append({**(resolved or {}), "name": artifact["name"]})
    return found
