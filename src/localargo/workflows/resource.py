"""`resource` templates: what kubectl would do with a manifest, applied to this engine's documents, with kubectl's messages.

In a cluster such a template is a pod in which `argoexec` runs kubectl; the node is of type Pod and ends with exit code 0 or 64. Here the
change and its answer become durable in one transaction, so a create is never repeated by a crash.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from localargo.errors import AlreadyExists, InvalidInput, LocalArgoError, NotFound, Unsupported
from localargo.expressions import jsonpaths, rawjson
from localargo.ports import Doc, Objects
from localargo.workflows.messages import Answered, CallResource
from localargo.workflows.selector import Condition, parse

KINDS = ("Workflow", "WorkflowTemplate", "ConfigMap")
FILE = '"/tmp/manifest.yaml"'  # the path that argoexec's kubectl names in its messages

INVALID = re.compile(r'(\S+) "(.*?)" is invalid: (.*)', re.DOTALL)
_KIND_OF = {"configmaps": "ConfigMap", "workflows.argoproj.io": "Workflow", "workflowtemplates.argoproj.io": "WorkflowTemplate"}


class ClientError(LocalArgoError):
    """kubectl itself refuses, without asking the server."""


class Resources:
    """Carries out CallResource. `save` stores the answer, `note` that the change was made and only conditions are open."""

    def __init__(
        self, objects: Objects, save: Callable[[int, Answered], None], note: Callable[[int, str, str], None], writing: Callable[[], Any]
    ) -> None:
        self._objects = objects
        self._save = save
        self._note = note
        self._writing = writing
        self._open: dict[tuple[int, str], CallResource] = {}

    def perform(self, wf: int, action: CallResource, state: str) -> None:
        """Make the change, unless `state` (the object's name) shows that it was made, and answer now or when a condition is met."""
        with self._writing():
            name = state
            if action.action == "delete" and _looks(action):
                self._save(wf, failed(action, "successCondition, failureCondition and outputs are not supported for delete action"))
                return
            if not name:
                try:
                    done = self._change(action)
                except LocalArgoError as error:
                    self._save(wf, failed(action, kubectl_error(action.action, error)))
                    return
                if done is None:  # deleted
                    self._save(wf, Answered(action.node_id, "Succeeded", outputs={"exitCode": "0"}))
                    return
                name = done["metadata"]["name"]
                self._note(wf, action.key, name)
            named = {**action.manifest, "metadata": {**(action.manifest.get("metadata") or {}), "name": name}}
            self._open[wf, action.key] = action = replace(action, manifest=named)
            self._look(wf, action)

    def abandon(self, wf: int, key: str) -> None:
        """Stop watching the conditions of an action."""
        self._open.pop((wf, key), None)

    def changed(self, kind: str, name: str) -> None:
        """A document changed: check the conditions on it again."""
        waiting = [
            (wf, a) for (wf, _), a in self._open.items() if a.manifest.get("kind") == kind and a.manifest["metadata"]["name"] == name
        ]
        for wf, action in waiting:
            with self._writing():
                self._look(wf, action)

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

    def _look(self, wf: int, action: CallResource) -> None:
        kind, name = action.manifest["kind"], action.manifest["metadata"]["name"]
        try:
            doc = self._objects.get(kind, name)
        except NotFound as error:
            deleted = "The resource has been deleted while its status was still being checked. Will not be retried: "
            answer: Answered | None = failed(action, f"{deleted}{error}")
        else:
            answer = judge(action, doc)
        if answer is not None:
            self._open.pop((wf, action.key), None)
            self._save(wf, answer)


def judge(action: CallResource, doc: Doc) -> Answered | None:
    """The result of the conditions on the document; None while neither is met."""
    met: dict[str, list[Condition]] = {}
    for kind, field in (("success", "successCondition"), ("fail", "failureCondition")):
        text = str(action.template.get(field) or "")
        try:
            met[kind] = parse(text)
        except InvalidInput as error:
            return failed(action, f"{kind} condition '{text}' failed to parse: {error}")
    hit = next((c for c in met["fail"] if c.holds(doc)), None)
    if hit is not None:
        return failed(action, f"failure condition '{hit}' evaluated true")
    if not all(c.holds(doc) for c in met["success"]):
        return None
    try:
        parameters = [_output(output, doc) for output in action.outputs]
    except (LocalArgoError, ValueError) as error:
        return failed(action, str(error))
    outputs: Doc = {"exitCode": "0"}
    if parameters:
        outputs["parameters"] = parameters
    return Answered(action.node_id, "Succeeded", outputs=outputs)


def _looks(action: CallResource) -> bool:
    """Whether the template has conditions or outputs that read the resource."""
    return bool(action.outputs or action.template.get("successCondition") or action.template.get("failureCondition"))


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
