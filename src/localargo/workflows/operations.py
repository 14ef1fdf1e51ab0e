"""Operations on a Workflow: Argo's `submit resubmit retry stop terminate suspend resume` and `node set`."""

from __future__ import annotations

from collections.abc import Mapping

from localargo.errors import InvalidInput
from localargo.ports import Clock, Doc, Json, Operation
from localargo.workflows import retry_workflow, shutdown, status
from localargo.workflows.admission import Admission
from localargo.workflows.controller import Controller
from localargo.workflows.messages import Operated, Run

SPEC_FIELDS = {  # of SubmitOpts, and what they set
    "entryPoint": "entrypoint",
    "serviceAccount": "serviceAccountName",
    "priority": "priority",
    "podPriorityClassName": "podPriorityClassName",
}
SUBMIT_OPTIONS = frozenset({"parameters", "name", "generateName", "labels", "annotations", "serverDryRun", *SPEC_FIELDS})
FINISHED = ("Succeeded", "Failed", "Error")


class Operations:
    """`ports.Workflows` on the controller. Options are named as Argo Server's request bodies name them."""

    def __init__(self, controller: Controller, objects: Admission, clock: Clock) -> None:
        self._controller = controller
        self._objects = objects
        self._clock = clock

    def operate(self, operation: Operation, name: str, options: Mapping[str, Json]) -> Doc:
        """Apply the operation and return the resulting Workflow. Raises NotFound, or InvalidInput when its state does not allow it."""
        match operation:
            case "submit":
                return self._submit(name, options)
            case "resubmit":
                return self._resubmit(name, options)
            case "retry":
                return self._retry(name, options)
            case "stop" | "terminate" | "suspend" | "resume" | "set":
                run = self._controller.run_of(name)
                selector = str(options.get("nodeFieldSelector") or "")
                if run.head.get("phase") in FINISHED:
                    if why := finished_refusal(operation, run, selector):
                        raise InvalidInput(why)
                    return self._objects.get("Workflow", name)
                fact = Operated(operation, dict(options))
                shutdown.check(run.nodes, fact)
                self._controller.operate(name, fact)
                return self._objects.get("Workflow", name)
            case _:
                raise InvalidInput(f"{operation!r} is not one of submit, resubmit, retry, stop, terminate, suspend, resume, set")

    def _submit(self, name: str, options: Mapping[str, Json]) -> Doc:
        """A new Workflow of a WorkflowTemplate; options: fields of Argo's SubmitOpts. Raises InvalidInput for any other."""
        unknown = sorted(set(options) - SUBMIT_OPTIONS)
        if unknown:
            raise InvalidInput(f"submitOptions.{unknown[0]}: not supported; use one of {', '.join(sorted(SUBMIT_OPTIONS))}")
        self._objects.get("WorkflowTemplate", name)
        given = dict(_assignment(p) for p in options.get("parameters") or ())
        spec: Doc = {"workflowTemplateRef": {"name": name}}
        if given:
            spec["arguments"] = {"parameters": [{"name": k, "value": v} for k, v in given.items()]}
        for option, field in SPEC_FIELDS.items():
            if options.get(option) not in (None, ""):
                spec[field] = options[option]
        metadata: Doc = {"name": options["name"]} if options.get("name") else {"generateName": options.get("generateName") or f"{name}-"}
        for field in ("labels", "annotations"):
            if options.get(field):
                metadata[field] = _mapping(options[field])
        doc = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata, "spec": spec}
        return self._objects.examine(doc) if options.get("serverDryRun") else self._objects.create(doc)

    def _resubmit(self, name: str, options: Mapping[str, Json]) -> Doc:
        workflow = status.compose(self._controller.run_of(name))
        if options.get("memoized") and (workflow.get("status") or {}).get("phase") not in ("Failed", "Error"):
            raise InvalidInput("workflow must be Failed/Error to resubmit in memoized mode")
        new = retry_workflow.resubmit(workflow, options)
        return self._objects.create(new, known=new.get("status"))

    def _retry(self, name: str, options: Mapping[str, Json]) -> Doc:
        run = self._controller.run_of(name)
        phase = run.head.get("phase")
        if phase not in FINISHED:
            raise InvalidInput(f"workflow {name} cannot be retried: it is {phase or 'not started'}; only a finished workflow can be")
        if run.nodes:
            self._controller.reopen(name, lambda run: retry_workflow.retry(run, options, self._clock.now()))
        else:
            workflow, values = retry_workflow.with_assignments(run.workflow, options)
            head = retry_workflow.beginning(self._objects.afresh(workflow), workflow, values)
            self._controller.reopen(name, lambda run: head)
        return self._objects.get("Workflow", name)


def finished_refusal(operation: str, run: Run, selector: str) -> str:
    """Argo's refusal of an operation on an ended Workflow; empty for `resume`, which then does nothing."""
    if operation == "suspend":
        return "cannot suspend completed workflows"
    if operation in ("stop", "terminate") and not (operation == "stop" and selector):
        metadata = run.workflow["metadata"]
        return f'cannot shutdown a completed workflow: workflow: "{metadata["name"]}", namespace: "{metadata.get("namespace") or ""}"'
    if operation == "set" and not selector:
        return "'set' currently only targets suspend nodes, use a node field selector to target them"
    return f"currently, set only targets suspend nodes: no suspend nodes matching nodeFieldSelector: {selector}" if selector else ""


def _mapping(given: Json) -> dict[str, str]:
    """Labels or annotations: a mapping, or `a=b,c=d` as Argo's clients send them."""
    return given if isinstance(given, dict) else dict(_assignment(each) for each in str(given).split(","))


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = str(text).partition("=")
    if not equals or not name:
        raise InvalidInput(f"parameter {text!r} is not of the form name=value")
    return name, value
