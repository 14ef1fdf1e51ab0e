"""Workflows as a client of Argo sees them: by name, from change to change, with the names of their pods."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Iterator, Mapping, Sequence

from localargo import InvalidInput, NotFound, Unavailable
from retrain.client.protocol import ArgoServer, Doc

LATEST = "@latest"
RETRAIN = "retrain"  # the WorkflowTemplate of a model's runs
OF_MODELS = f"workflows.argoproj.io/workflow-template={RETRAIN}"  # a selector of its Workflows
ENDED = ("Succeeded", "Failed", "Error")
LONGEST_POD_NAME = 253  # as Kubernetes allows
HASH = 10  # digits of a node's hash


def phase(workflow: Doc) -> str:
    """The phase of a Workflow; one that has not begun is Pending."""
    return (workflow.get("status") or {}).get("phase") or "Pending"


def newest_first(workflows: Sequence[Doc]) -> list[Doc]:
    """By the time of creation; those of one second stay in the order given."""
    return sorted(workflows, key=lambda workflow: str(workflow["metadata"].get("creationTimestamp") or ""), reverse=True)


def find(server: ArgoServer, name: str) -> Doc:
    """A Workflow by name; `@latest` is the one created last. Raises NotFound."""
    if not name:
        raise InvalidInput("the name is empty: `retrain list` shows the Workflows there are")
    if name == LATEST:
        newest = server.workflows(limit=1).items
        if not newest:
            raise NotFound("there is no workflow yet: `retrain submit FILE` or `retrain put FILE --model M` makes one")
        name = newest[0]["metadata"]["name"]
    try:
        return server.workflow(name)
    except NotFound as error:
        raise NotFound(f"{error}: `retrain list` shows the Workflows there are") from error


def changes(server: ArgoServer, name: str) -> Iterator[Doc]:
    """The Workflow now and after each change, until it has ended."""
    workflow = find(server, name)
    yield workflow
    if phase(workflow) in ENDED:
        return
    for change in server.watch(name):
        if change.workflow["metadata"]["name"] != name:
            continue
        if change.type == "DELETED":
            raise NotFound(f"workflow {name} was deleted while it was watched")
        yield change.workflow
        if phase(change.workflow) in ENDED:
            return
    raise Unavailable(f"the server ended before {name} did: {server.restart_hint}, and the workflow goes on")


def until_ended(server: ArgoServer, name: str) -> Doc:
    """The Workflow when it has ended."""
    *_, last = changes(server, name)
    return last


def next_run(server: ArgoServer, models: Collection[str], known: Collection[str]) -> str:
    """The name of the first run of one of these models that is not known; waits until there is one."""
    for change in server.watch():
        name: str = change.workflow["metadata"]["name"]
        if change.type != "DELETED" and name not in known and run_model(change.workflow) in models:
            return name
    raise Unavailable(f"the server ended before a run of {' or '.join(sorted(models))} began: {server.restart_hint}")


def run_model(workflow: Doc) -> str:
    """The model that a Workflow of the WorkflowTemplate `retrain` trains; nothing where it is another Workflow."""
    spec = workflow.get("spec") or {}
    if (spec.get("workflowTemplateRef") or {}).get("name") != RETRAIN:
        return ""
    parameters = (spec.get("arguments") or {}).get("parameters") or []
    return next((str(p.get("value", "")) for p in parameters if p.get("name") == "model"), "")


def asked_by_hand(model: str, reason: str, *, now: bool) -> Doc:
    """The Workflow of a run that a person asks for, with the event that says why."""
    event = {"model": model, "reason": reason, "source": "submit", **({"now": "yes"} if now else {})}
    encoded = base64.b64encode(json.dumps(event).encode()).decode()
    parameters = [{"name": "model", "value": model}, {"name": "event", "value": encoded}]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": f"{RETRAIN}-{model}-", "labels": {"retrain/trigger": "submit"}},
        "spec": {"workflowTemplateRef": {"name": RETRAIN}, "arguments": {"parameters": parameters}},
    }


def pod_name(workflow: Doc, node: Doc) -> str:
    """The pod of a node, as every client of Argo derives it: the node's id with the template's name before the hash."""
    name: str = workflow["metadata"]["name"]
    if node["name"] == name:
        return name
    template = node.get("templateName") or (node.get("templateRef") or {}).get("template") or ""
    prefix = f"{name}-{template}" if template else name
    return f"{prefix[: LONGEST_POD_NAME - HASH - 1]}-{node['id'].removeprefix(f'{name}-')}"


def with_parameters(workflow: Doc, values: Mapping[str, str]) -> Doc:
    """The Workflow with these arguments first, in place of its own of the same names, as `argo submit -p` does it.

    A spec whose arguments have the wrong shape is left alone: lint says what is wrong with it.
    """
    spec = workflow.get("spec") or {}
    arguments = spec.get("arguments") or {} if isinstance(spec, dict) else None
    listed = arguments.get("parameters") or [] if isinstance(arguments, dict) else None
    if not values or not isinstance(listed, list) or not all(isinstance(p, dict) for p in listed):
        return workflow
    given = [{"name": name, "value": value} for name, value in values.items()]
    kept = [p for p in listed if p.get("name") not in values]
    return {**workflow, "spec": {**spec, "arguments": {**(arguments or {}), "parameters": [*given, *kept]}}}
