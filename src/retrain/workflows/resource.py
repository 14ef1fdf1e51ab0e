"""`resource` templates: what kubectl would do with a manifest, done on this engine's own documents, in kubectl's words.

In a cluster such a template is a pod in which `argoexec` runs kubectl; the node is of type Pod and ends with exit code 0 or 64. Here the
change and its answer become durable in one transaction, so a create is never repeated by a crash.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from retrain.errors import AlreadyExists, InvalidInput, NotFound, RetrainError, Unsupported
from retrain.expressions import jsonpaths
from retrain.ports import Doc, Objects
from retrain.workflows.messages import Answered, CallResource

KINDS = ("Workflow", "WorkflowTemplate", "ConfigMap")
FILE = '"/tmp/manifest.yaml"'  # the path that argoexec's kubectl names in its messages
CONDITION = re.compile(r"^\s*(!?)\s*([^\s=!<>,()]+)\s*(?:(==|=|!=|>|<|\bin\b|\bnotin\b)\s*(.*?))?\s*$")


class Resources:
    """Carries out CallResource. `save` keeps the answer, `note` that the change was made and only its conditions are open."""

    def __init__(
        self, objects: Objects, save: Callable[[int, Answered], None], note: Callable[[int, str, str], None], writing: Callable[[], Any]
    ) -> None:
        self._objects = objects
        self._save = save
        self._note = note
        self._writing = writing
        self._open: dict[tuple[int, str], CallResource] = {}

    def perform(self, wf: int, action: CallResource, state: str) -> None:
        """Do it, unless `state` (the object's name) says that it was done, and answer now or when its conditions come true."""
        with self._writing():
            name = state
            if not name:
                try:
                    done = self._change(action)
                except RetrainError as error:
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
        """Its conditions matter no more."""
        self._open.pop((wf, key), None)

    def changed(self, kind: str, name: str) -> None:
        """A document changed: who waits for a condition on it looks again."""
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
            raise Unsupported(f"resource templates act on {', '.join(KINDS)} here, not on {kind or 'a manifest without a kind'}")
        name = str((manifest.get("metadata") or {}).get("name") or "")
        match action.action:
            case "create":
                return self._objects.create(manifest)
            case "apply":
                return self._objects.apply(manifest)
            case "get":
                return self._objects.get(kind, name)
            case "patch":
                if (action.template.get("mergeStrategy") or "strategic") != "merge" and kind != "ConfigMap":
                    raise InvalidInput(
                        "the body of the request was in an unknown format - accepted media types include:"
                        " application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
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
            answer: Answered | None = failed(action, f"Error from server (NotFound): {error}")
        else:
            answer = judge(action, doc)
        if answer is not None:
            self._open.pop((wf, action.key), None)
            self._save(wf, answer)


def judge(action: CallResource, doc: Doc) -> Answered | None:
    """What the document says about the conditions; None while neither has come true."""
    failure, success = (parse_conditions(str(action.template.get(f) or "")) for f in ("failureCondition", "successCondition"))
    hit = next((c for c in failure if c.holds(doc)), None)
    if hit is not None:
        return failed(action, f"failure condition '[{' '.join(str(c) for c in failure)}]' evaluated true")
    if not all(c.holds(doc) for c in success):
        return None
    try:
        parameters = [_output(output, doc) for output in action.outputs]
    except (RetrainError, ValueError) as error:
        return failed(action, str(error))
    outputs: Doc = {"exitCode": "0"}
    if parameters:
        outputs["parameters"] = parameters
    return Answered(action.node_id, "Succeeded", outputs=outputs)


class Condition:
    """One requirement of a label selector on a field of the document (`status.phase == Succeeded`), as Argo reads conditions."""

    def __init__(self, key: str, operator: str, values: Sequence[str]) -> None:
        self.key, self.operator, self.values = key, operator, values

    def holds(self, doc: Doc) -> bool:
        """Whether the document meets it."""
        found = jsonpaths.get(doc, self.key)
        text = _text(found.value) if found.exists else ""
        match self.operator:
            case "exists":
                return bool(found.exists)
            case "!":
                return not found.exists
            case "=" | "==" | "in":
                return found.exists and text in self.values
            case "!=" | "notin":
                return not found.exists or text not in self.values
            case _:
                try:
                    number, bound = int(text), int(self.values[0])
                except ValueError:
                    return False
                return number > bound if self.operator == "gt" else number < bound

    def __str__(self) -> str:
        return f"{{{self.key} {self.operator} [{' '.join(self.values)}]}}"


def parse_conditions(text: str) -> list[Condition]:
    """The requirements of a selector, all of which must hold. Raises InvalidInput."""
    found = []
    for part in re.split(r",(?![^()]*\))", text):
        if not part.strip():
            continue
        parsed = CONDITION.match(part)
        if parsed is None:
            raise InvalidInput(
                f"condition {text!r}: {part.strip()!r} is not `path == value`, `path in (a, b)`, `path > 1`, `path` or `!path`"
            )
        absent, key, operator, value = parsed.groups()
        if operator is None:
            found.append(Condition(key, "!" if absent else "exists", ()))
        elif operator in ("in", "notin"):
            found.append(Condition(key, operator, [v.strip() for v in value.strip("() ").split(",")]))
        else:
            found.append(Condition(key, {">": "gt", "<": "lt"}.get(operator, operator), [value]))
    return found


def failed(action: CallResource, message: str) -> Answered:
    """As the node of a failed resource pod says it."""
    return Answered(action.node_id, "Failed", f"main: Error (exit code 64): {message}", {"exitCode": "64"})


def kubectl_error(action: str, error: RetrainError) -> str:
    """What argoexec makes of kubectl's standard error."""
    reason = {AlreadyExists: "AlreadyExists", NotFound: "NotFound"}.get(type(error), "BadRequest")
    doing = {"create": f"error when creating {FILE}: ", "apply": f"error when applying {FILE}: ", "patch": f"error when patching {FILE}: "}
    where = "" if reason == "NotFound" else doing.get(action, "")
    return f"no more retries Error from server ({reason}): {where}{error}"


def _output(output: Doc, doc: Doc) -> Doc:
    source = output.get("valueFrom") or {}
    try:
        value = _jq(str(source["jqFilter"]), doc) if source.get("jqFilter") else jsonpaths.jsonpath(doc, str(source.get("jsonPath") or ""))
    except (RetrainError, ValueError):
        if source.get("default") is None:
            raise
        value = str(source["default"])
    return {**output, "value": value}


def _jq(program: str, doc: Doc) -> str:
    import jq

    return str(jq.compile(program).input_value(doc).text()).strip('"')


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
