"""`argo retry` and `argo resubmit`: repeats parts of a finished Workflow. Pure."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence

from localargo.clock import timestamp
from localargo.errors import InvalidInput
from localargo.ports import Doc, Json
from localargo.workflows.index import BAD
from localargo.workflows.messages import Outcome, Run, WantLock
from localargo.workflows.reset import Tree, nodes_to_change
from localargo.workflows.shutdown import matches, parse_selector
from localargo.workflows.status import HIDDEN, node_id, spec_of

LABELS = "workflows.argoproj.io/"
NOT_CARRIED = ("creator", "creator-email", "creator-preferred-username", "phase", "completed", "workflow-archiving-status")
PASSED = ("raised", "wake", "end", "group", "stage", "until", "verdict")  # private fields about the earlier execution
EXECUTED = ("Pod", "HTTP", "Plugin")


# ------------------------------------------------------------------------------------------ retry


def retry(run: Run, options: Mapping[str, Json], now: float) -> Outcome:
    """Continue a finished Workflow: failed nodes are repeated under the same names, succeeded ones stay.

    Options as Argo Server's: restartSuccessful, nodeFieldSelector, parameters ["name=value"]. Raises InvalidInput.
    """
    phase = run.head.get("phase")
    selector = str(options.get("nodeFieldSelector") or "")
    restart = bool(options.get("restartSuccessful"))
    if phase == "Succeeded" and not (restart and selector):
        raise InvalidInput("To retry a succeeded workflow, set the options restartSuccessful and nodeFieldSelector")
    if phase not in ("Succeeded", *BAD):
        raise InvalidInput(f"Cannot retry a workflow in phase {phase or 'Pending'}")
    name: str = run.workflow["metadata"]["name"]
    parameters = list(options.get("parameters") or ())
    tree = Tree(run.nodes, run.edges)
    wanted = _failed(run, tree, _selected(run, restart, selector))
    reset, gone = nodes_to_change(tree, name, wanted)
    if parameters:
        for node in [n for n in reset if n not in gone and run.nodes[n]["type"] in ("TaskGroup", "StepGroup")]:
            gone |= tree.below(node)
    gone |= {n for n, doc in run.nodes.items() if doc["name"].startswith(f"{name}.onExit")}
    return _outcome(run, reset - gone, gone, parameters, now)


def _selected(run: Run, restart: bool, selector: str) -> set[str]:
    """Nodes that are repeated although they did not fail."""
    if not restart:
        return set()
    wanted = parse_selector(selector)
    return {n for n, doc in run.nodes.items() if selector and matches(doc, wanted)}


def _failed(run: Run, tree: Tree, wanted: set[str]) -> set[str]:
    found = set(wanted)
    for node, doc in run.nodes.items():
        if doc["phase"] in BAD and doc["type"] in EXECUTED:
            above = run.private.get(node, {}).get("owner", "") if (doc.get("nodeFlag") or {}).get("retried") else node
            if not tree.succeeded_below(above if above in run.nodes else node, wanted):
                found.add(node)
    return found


def _outcome(run: Run, reset: Collection[str], gone: set[str], parameters: Sequence[str], now: float) -> Outcome:
    nodes: dict[str, Doc] = {}
    private: dict[str, Doc] = {}
    for node in reset:
        nodes[node] = _reset(run.nodes[node], now)
        kept = {k: v for k, v in run.private.get(node, {}).items() if k not in PASSED}
        group = _open_group(run, run.nodes[node], reset, gone)
        private[node] = {**kept, "at": now, **({"group": group} if group is not None else {})}
    for node, doc in run.nodes.items():
        ends = doc.get("outboundNodes")
        if ends and node not in gone and any(e in gone for e in ends):
            nodes[node] = {**nodes.get(node, doc), "outboundNodes": [e for e in ends if e not in gone]}
    head, lock = _head(run, parameters, now)
    running = "Pending" if lock else "Running"
    return Outcome(
        nodes=nodes,
        private=private,
        edges=[],
        head={**head, "phase": running},
        actions=[lock] if lock else [],
        cancel=[],
        wake_at=now,
        labels={f"{LABELS}phase": running, f"{LABELS}completed": "false"},
        removed=[n for n in run.nodes if n in gone],
    )


def _reset(doc: Doc, now: float) -> Doc:
    result = {k: v for k, v in doc.items() if k != "message"}
    if doc["type"] == "Suspend" and doc.get("outputs"):
        supplied = [{"name": o["name"], "valueFrom": {"supplied": {}}} for o in doc["outputs"].get("parameters") or ()]
        result["outputs"] = {**doc["outputs"], "parameters": supplied}
    phase = "Skipped" if doc["phase"] == "Skipped" else "Running"
    return {**result, "phase": phase, "startedAt": timestamp(now), "finishedAt": None}


def _open_group(run: Run, doc: Doc, reset: Collection[str], gone: set[str]) -> int | None:
    """The step group at which a steps node continues: the first that is repeated, else the last that stays."""
    if doc["type"] != "Steps":
        return None
    name: str = run.workflow["metadata"]["name"]
    found = None
    for index in range(len(run.nodes)):
        group = node_id(name, f"{doc['name']}[{index}]")
        if group not in run.nodes or group in gone:
            break
        found = index
        if group in reset:
            break
    return found


def _head(run: Run, parameters: Sequence[str], now: float) -> tuple[Doc, WantLock | None]:
    hidden = {k: v for k, v in (run.head.get(HIDDEN) or {}).items() if k not in ("shutdown", "deadline", "refused", "lock")}
    head = {k: v for k, v in run.head.items() if k not in ("message", "conditions")}
    spec = {k: v for k, v in spec_of(run).items() if k != "shutdown"}
    if parameters:
        values = dict(_assignment(p) for p in parameters)
        hidden["parameters"] = {**(hidden.get("parameters") or {}), **values}
        hidden["arguments"] = _shown_arguments(run, values)
        if "storedWorkflowTemplateSpec" in head:  # Argo drops the template's own outputs
            own = hidden["arguments"]["parameters"]
            spec = {**spec, "arguments": {**(spec.get("arguments") or {}), "parameters": own}}
            hidden["parameters"] = {p["name"]: hidden["parameters"][p["name"]] for p in own if p["name"] in hidden["parameters"]}
        else:
            spec = with_parameters(spec, values)
        hidden["outputs"] = hidden.get("outputs", 0) + 1
    if "storedWorkflowTemplateSpec" in head:
        head["storedWorkflowTemplateSpec"] = spec
    elif parameters or spec_of(run).get("shutdown"):
        hidden["spec"] = spec
    seconds = spec.get("activeDeadlineSeconds")
    if seconds:
        hidden["deadline"] = float(int(now) + int(seconds))
    lock = None
    if hidden.get("locks"):
        asked = hidden["locks"]
        lock = WantLock("", tuple(asked["locks"]), dict(asked["limits"]), int(spec.get("priority") or 0))
        hidden["lock"] = "wanted"
    return {**head, HIDDEN: hidden, "startedAt": timestamp(now), "finishedAt": None}, lock


def _shown_arguments(run: Run, values: Mapping[str, str]) -> Doc:
    """The arguments that the Workflow's own spec shows from now on; a resubmit uses them."""
    own: Doc = (run.head.get(HIDDEN) or {}).get("arguments") or (run.workflow.get("spec") or {}).get("arguments") or {}
    shown: Doc = with_parameters({"arguments": own}, values)["arguments"]
    return shown


def with_assignments(workflow: Doc, options: Mapping[str, Json]) -> tuple[Doc, dict[str, str]]:
    """The Workflow with the arguments changed by the options, and these arguments. Raises InvalidInput."""
    values = dict(_assignment(p) for p in options.get("parameters") or ())
    return ({**workflow, "spec": with_parameters(workflow.get("spec") or {}, values)} if values else workflow), values


def beginning(head: Doc, workflow: Doc, values: Mapping[str, str]) -> Outcome:
    """Start a Workflow without nodes once more, with this head."""
    hidden = head.get(HIDDEN)
    if values and hidden is not None:
        spec = {} if "storedWorkflowTemplateSpec" in head else {"spec": workflow["spec"]}
        shown = workflow["spec"]["arguments"]
        head = {**head, HIDDEN: {**hidden, "parameters": dict(values), "arguments": shown, **spec}}
    return Outcome(nodes={}, private={}, edges=[], head=head, actions=[], cancel=[], wake_at=None)


def with_parameters(spec: Doc, values: Mapping[str, str]) -> Doc:
    """The spec with these arguments first; they replace its own of the same names."""
    arguments = dict(spec.get("arguments") or {})
    kept = [p for p in arguments.get("parameters") or () if p.get("name") not in values]
    arguments["parameters"] = [*({"name": k, "value": v} for k, v in values.items()), *kept]
    return {**spec, "arguments": arguments}


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = str(text).partition("=")
    if not equals or not name:
        raise InvalidInput(f"expected parameter of the form: NAME=VALUE. Received: {text}")
    return name, value


# ------------------------------------------------------------------------------------------ resubmit


def resubmit(workflow: Doc, options: Mapping[str, Json]) -> Doc:
    """A new Workflow like the given one (as `compose` shows it), to be admitted.

    Options: parameters ["name=value"]; memoized: succeeded nodes are not repeated; they are in the document's `status`,
    under the names of the old Workflow (`new_run` renames them). Raises InvalidInput.
    """
    status = workflow.get("status") or {}
    old: str = workflow["metadata"]["name"]
    metadata = workflow["metadata"]
    labels = {k: v for k, v in (metadata.get("labels") or {}).items() if k.removeprefix(LABELS) not in NOT_CARRIED}
    labels[f"{LABELS}resubmitted-from-workflow"] = old
    new: Doc = {"generateName": metadata.get("generateName") or f"{old}-", "labels": labels}
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k != f"{LABELS}pod-name-format"}
    if annotations:
        new["annotations"] = annotations
    spec = copy.deepcopy({k: v for k, v in (workflow.get("spec") or {}).items() if k != "shutdown"})
    if options.get("parameters"):
        spec = with_parameters(spec, dict(_assignment(p) for p in options["parameters"]))
    result: Doc = {"apiVersion": workflow.get("apiVersion", "argoproj.io/v1alpha1"), "kind": "Workflow", "metadata": new, "spec": spec}
    if not options.get("memoized"):
        return result
    if status.get("phase") not in BAD:
        raise InvalidInput("workflow must be Failed/Error to resubmit in memoized mode")
    known = status.get("nodes") or {}
    nodes = {n: doc for n, doc in known.items() if _reusable(doc, old)}
    names = {b: known[b]["name"] for b in (doc.get("boundaryID") for doc in nodes.values()) if b in known}
    result["status"] = {"nodes": nodes, "nodeNames": names, "resubmittedFrom": old}
    if old in known:
        result["status"]["entry"] = known[old]["displayName"]
    return result


def _reusable(doc: Doc, workflow: str) -> bool:
    name: str = doc["name"]
    return (doc["type"], doc["phase"]) == ("Pod", "Succeeded") and not name.startswith(f"{workflow}.onExit")
