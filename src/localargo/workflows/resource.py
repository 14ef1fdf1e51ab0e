"""`resource` templates: what kubectl would do with a manifest, applied to this engine's documents, with kubectl's messages.

In a cluster such a template is a pod in which `argoexec` runs kubectl; the node is of type Pod and ends with exit code 0 or 64. Here the
change and its answer become durable in one transaction, so a create is never repeated by a crash.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from localargo.errors import AlreadyExists, InvalidInput, LocalArgoError, NotFound, Unsupported
from localargo.expressions import jsonpaths, rawjson
from localargo.ports import Doc, Objects
from localargo.workflows.messages import Answered, CallResource

KINDS = ("Workflow", "WorkflowTemplate", "ConfigMap")
FILE = '"/tmp/manifest.yaml"'  # the path that argoexec's kubectl names in its messages

INVALID = re.compile(r'(\S+) "(.*?)" is invalid: (.*)', re.DOTALL)
_KIND_OF = {"configmaps": "ConfigMap", "workflows.argoproj.io": "Workflow", "workflowtemplates.argoproj.io": "WorkflowTemplate"}


class ClientError(LocalArgoError):
    """kubectl itself refuses, without asking the server."""


class Resources:
    """Carries out CallResource. `save` stores the answer, in the transaction of the change."""

    def __init__(self, objects: Objects, save: Callable[[int, Answered], None], writing: Callable[[], Any]) -> None:
        self._objects = objects
        self._save = save
        self._writing = writing

    def perform(self, wf: int, action: CallResource) -> None:
        """Make the change and answer with what the document then is."""
        with self._writing():
            self._save(wf, self._answer(action))

    def _answer(self, action: CallResource) -> Answered:
        if action.action == "delete" and action.outputs:
            return failed(action, "outputs are not supported for delete action")
        try:
            done = self._change(action)
        except LocalArgoError as error:
            return failed(action, kubectl_error(action.action, error))
        return answer(action, done)

    def _change(self, action: CallResource) -> Doc | None:
        manifest = action.manifest
        kind = str(manifest.get("kind") or "")
        if kind not in KINDS:
            raise Unsupported(f"resource templates support {', '.join(KINDS)} here, not {kind or 'a manifest without a kind'}")
        name = str((manifest.get("metadata") or {}).get("name") or "")
        match action.action:
            case "create":
                return self._objects.create(manifest)
            case "apply":
                if not name and (manifest.get("metadata") or {}).get("generateName"):
                    raise ClientError(f"from {manifest['metadata']['generateName']}: cannot use generate name with apply")
                return self._objects.apply(manifest)
            case "replace":
                self._objects.get(kind, name)
                return self._objects.apply(manifest)
            case "get":
                return self._objects.get(kind, name)
            case "patch":
                if (action.template.get("mergeStrategy") or "strategic") != "merge" and kind != "ConfigMap":
                    raise ClientError(
                        f"application/strategic-merge-patch+json is not supported by argoproj.io/v1alpha1, Kind={kind}: the body of the"
                        " request was in an unknown format - accepted media types include: application/json-patch+json,"
                        " application/merge-patch+json, application/apply-patch+yaml"
                    )
                return self._objects.patch(kind, name, manifest)
            case "delete":
                try:
                    self._objects.delete(kind, name)
                except NotFound:
                    return None  # argoexec passes --ignore-not-found
                return None
            case other:
                raise Unsupported(f"resource action {other!r} is not one of create, apply, get, patch, delete")


def answer(action: CallResource, doc: Doc | None) -> Answered:
    """The outputs, read from the document; None when it was deleted."""
    try:
        parameters = [_output(output, doc or {}) for output in action.outputs]
    except (LocalArgoError, ValueError) as error:
        return failed(action, str(error))
    outputs: Doc = {"exitCode": "0"}
    if parameters:
        outputs["parameters"] = parameters
    return Answered(action.node_id, "Succeeded", outputs=outputs)


def failed(action: CallResource, message: str) -> Answered:
    """The message of a failed resource pod's node."""
    return Answered(action.node_id, "Failed", f"main: Error (exit code 64): {message}", {"exitCode": "64"})


def kubectl_error(action: str, error: LocalArgoError) -> str:
    """kubectl's standard error as argoexec reports it."""
    if isinstance(error, ClientError):
        return f"no more retries error: {error}"
    invalid = INVALID.match(str(error))
    if invalid:
        return f'no more retries The {_KIND_OF.get(invalid[1], invalid[1])} "{invalid[2]}" is invalid: {invalid[3]}'
    reason = {AlreadyExists: "AlreadyExists", NotFound: "NotFound"}.get(type(error), "BadRequest")
    doing = {"create": "creating", "apply": "applying", "replace": "replacing"}
    if reason == "NotFound" and action != "replace":
        doing = {}
    where = f"error when {doing[action]} {FILE}: " if action in doing else ""
    return f"no more retries Error from server ({reason}): {where}{error}"


def _output(output: Doc, doc: Doc) -> Doc:
    """The output with its value; one that does not read the document stays as declared."""
    source = output.get("valueFrom") or {}
    if source.get("jsonPath"):
        return {**output, "value": jsonpaths.jsonpath(doc, str(source["jsonPath"]))}
    if source.get("jqFilter"):
        return {**output, "value": _jq(str(source["jqFilter"]), doc)}
    return output


def _jq(program: str, doc: Doc) -> str:
    """The filter's results, one per line; strings without quotes."""
    import jq

    try:
        found = jq.compile(program).input_value(doc).all()
    except ValueError as error:
        unknown = re.search(r"jq: error: (\S+/\d+) is not defined", str(error))
        raise InvalidInput(f"function not defined: {unknown[1]}" if unknown else str(error)) from None
    return "\n".join(each if isinstance(each, str) else rawjson.dumps(each, html=True) for each in found).strip()
