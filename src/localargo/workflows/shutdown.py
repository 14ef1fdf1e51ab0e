"""Operations on a running Workflow: stop, terminate, suspend, resume, set."""

from __future__ import annotations

from collections.abc import Mapping

from localargo.errors import InvalidInput
from localargo.ports import Doc, Json
from localargo.workflows import execute
from localargo.workflows.index import COMPLETED, FULFILLED
from localargo.workflows.messages import Operated, StopPod
from localargo.workflows.outputs import publish
from localargo.workflows.pods import ensured
from localargo.workflows.status import template_name, text
from localargo.workflows.suspend import use_defaults
from localargo.workflows.work import CallFailed, Pass

RESUMED = "Resumed by: map[User:localargo]"


def operate(p: Pass, fact: Operated) -> None:
    """Apply the operation. What is impossible is skipped (`check` refuses it beforehand)."""
    if p.head.get("phase") in COMPLETED:
        return
    options = fact.options
    selector = str(options.get("nodeFieldSelector") or "")
    match fact.operation:
        case "stop" if selector:
            _set_nodes(p, selector, {**options, "phase": "Failed"})
        case "stop" | "terminate":
            _shut_down(p, "Stop" if fact.operation == "stop" else "Terminate")
        case "suspend":
            p.set_hidden(suspended=True)
        case "resume" if selector:
            _set_nodes(p, selector, {"phase": "Succeeded", "message": RESUMED})
        case "resume":
            _resume(p)
        case "set":
            _set_nodes(p, selector, options)


# ------------------------------------------------------------------------------------------ stop and terminate


def _shut_down(p: Pass, strategy: str) -> None:
    p.set_hidden(shutdown=strategy)  # a suspended Workflow stays suspended: it ends once it is resumed
    apply_shutdown(p)


def apply_shutdown(p: Pass) -> None:
    """End running and waiting nodes, and assess every open node."""
    for node, doc in {**p.run.nodes, **p.nodes}.items():
        if doc["phase"] in FULFILLED or p.may_execute(bool(p.priv(node).get("onExit"))):
            continue
        _end(p, node, doc)
    for node, doc in {**p.run.nodes, **p.nodes}.items():
        if doc["type"] == "Retry":
            _end_retry(p, node)


def apply_to_new(p: Pass) -> bool:
    """End nodes that began to wait after the shutdown. Returns whether there were any."""
    found = False
    for node in list(p.nodes):
        doc, private = p.nodes[node], p.priv(node)
        waits = doc.get("synchronizationStatus") if private.get("stage") == "lock" else doc["type"] in ("Suspend", "HTTP")
        if waits and doc["phase"] not in FULFILLED and not p.may_execute(bool(private.get("onExit"))):
            _end(p, node, doc)
            found = True
    return found


def retries_above(p: Pass, node: str) -> None:
    """After a shutdown, fail a Retry node as soon as no node below it is open, whatever its last attempt's phase."""
    while node and p.get(node) is not None:
        if p.node(node)["type"] == "Retry":
            _end_retry(p, node)
        node = p.priv(node).get("owner", "")


def _end_retry(p: Pass, node: str) -> None:
    private = p.priv(node)
    if p.node(node)["phase"] not in FULFILLED and not p.may_execute(bool(private.get("onExit"))) and p.ended_below(node):
        p.mark(node, "Failed", f"Stopped with strategy '{p.shutdown}'")


def _end(p: Pass, node: str, doc: Doc) -> None:
    stopped = f"Stopped with strategy '{p.shutdown}'"
    if p.priv(node).get("pod"):
        pod = ensured(p, node).pod
        p.act(StopPod(node, pod.name, pod.grace_seconds))
        message = f"workflow shutdown with strategy:  {p.shutdown}"
        if doc["phase"] == "Running":
            p.give_up(node, message)
        else:
            p.mark(node, "Failed", message)
    elif doc["type"] in ("Suspend", "HTTP") or p.priv(node).get("stage") or doc["type"] == "Pod":
        for kind in ("lock", "http", "resource"):
            p.cancel(f"{kind}/{node}")
        p.mark(node, "Failed", stopped)
    else:
        p.look(node)


# ------------------------------------------------------------------------------------------ resume and set


def _resume(p: Pass) -> None:
    p.set_hidden(suspended=False)
    for node, doc in {**p.run.nodes, **p.nodes}.items():
        if doc["phase"] in FULFILLED:
            continue
        if doc["type"] == "Suspend" and doc["phase"] == "Running":
            try:
                use_defaults(p, node)
            except CallFailed:
                continue  # an output has neither a value nor a default: the node keeps waiting
            before = doc.get("message")
            p.mark(node, "Succeeded", f"{before}; {RESUMED}" if before else RESUMED)
        elif p.priv(node).get("stage") == "granted":
            p.keep(node, stage="lock")
            execute.resume(p, node)
        else:
            p.changed.setdefault(node, {}).update(dict.fromkeys(p.children(node)))  # ends in the meantime have not been assessed
            p.look(node)


def _set_nodes(p: Pass, selector: str, options: Mapping[str, Json]) -> None:
    wanted = parse_selector(selector)
    outputs = options.get("outputParameters") or {}
    for node, doc in {**p.run.nodes, **p.nodes}.items():
        if doc["type"] != "Suspend" or doc["phase"] != "Running" or not matches(doc, wanted):
            continue
        if outputs:
            _supply(p, node, outputs)
        message = options.get("message") or doc.get("message") or ""
        p.mark(node, str(options.get("phase") or doc["phase"]), message)


def _supply(p: Pass, node: str, values: Mapping[str, Json]) -> None:
    outputs = p.node(node).get("outputs") or {}
    done = []
    for parameter in outputs.get("parameters") or ():
        if parameter["name"] in values and "supplied" in (parameter.get("valueFrom") or {}):
            bare = {k: v for k, v in parameter.items() if k != "valueFrom"}
            parameter = {**bare, "value": text(values[parameter["name"]])}
            publish(p, {"parameters": [parameter]})
        done.append(parameter)
    p.set(node, outputs={**outputs, "parameters": done})


def check(nodes: Mapping[str, Doc], fact: Operated) -> None:
    """Raises InvalidInput, with Argo's message, for an operation that is impossible with these nodes."""
    options = fact.options
    selector = str(options.get("nodeFieldSelector") or "")
    waiting = [n for n in nodes.values() if n["type"] == "Suspend" and n["phase"] == "Running"]
    if fact.operation == "resume" and not selector:
        for node in waiting:
            _check_defaults(node)
        return
    if not selector:
        if fact.operation == "set":
            raise InvalidInput("'set' currently only targets suspend nodes, use a node field selector to target them")
        return
    if options.get("phase") not in (None, "", "Succeeded", "Failed", "Error"):
        raise InvalidInput(f"{options['phase']} is an invalid phase to set to")
    hit = [n for n in waiting if matches(n, parse_selector(selector))]
    says = fact.operation != "set" or any(options.get(o) for o in ("phase", "message", "outputParameters"))
    if not hit or not says:
        raise InvalidInput(f"currently, set only targets suspend nodes: no suspend nodes matching nodeFieldSelector: {selector}")
    for node in hit:
        _check_outputs(node, options.get("outputParameters") or {})


def _check_defaults(node: Doc) -> None:
    for parameter in (node.get("outputs") or {}).get("parameters") or ():
        source = parameter.get("valueFrom") or {}
        if "supplied" in source and source.get("default") is None:
            raise InvalidInput(f"raw output parameter '{parameter['name']}' has not been set and does not have a default value")


def _check_outputs(node: Doc, values: Mapping[str, Json]) -> None:
    declared = {o["name"]: o for o in (node.get("outputs") or {}).get("parameters") or ()}
    if values and not declared:
        raise InvalidInput("cannot set output parameters because node is not expecting any raw parameters")
    for name in values:
        if name not in declared:
            raise InvalidInput(f"node is not expecting output parameter '{name}'")
        if "supplied" not in (declared[name].get("valueFrom") or {}):
            why = "because it does not use valueFrom.raw or it was already set"
            raise InvalidInput(f"cannot set output parameter '{name}' {why}")


# ------------------------------------------------------------------------------------------ node field selectors


def parse_selector(selector: str) -> list[tuple[str, bool, str]]:
    """`displayName=approve,phase!=Failed` -> (field, equal, value). Raises InvalidInput."""
    found = []
    for part in selector.split(",") if selector else ():
        for operator, equal in (("!=", False), ("==", True), ("=", True)):
            field, seen, value = part.partition(operator)
            if seen:
                found.append((field.strip(), equal, value.strip()))
                break
        else:
            raise InvalidInput(f"invalid selector: '{part}'; can't understand '{part}'")
    return found


def matches(node: Doc, selector: list[tuple[str, bool, str]]) -> bool:
    """Whether a node matches a selector."""
    fields = {k: node.get(k) or "" for k in ("displayName", "phase", "name", "id")}
    fields["templateName"] = template_name(node)
    for key, value in (node.get("templateRef") or {}).items():
        fields[f"templateRef.{key}"] = value
    for parameter in (node.get("inputs") or {}).get("parameters") or ():
        fields[f"inputs.parameters.{parameter['name']}.value"] = text(parameter.get("value") or "")
    return all((fields.get(field, "") == value) == equal for field, equal, value in selector)
