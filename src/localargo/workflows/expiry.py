"""When a finished Workflow is deleted (`ttlStrategy`), and which pods of a run are removed and when (`podGC`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from localargo.clock import seconds
from localargo.expressions import ExpressionError
from localargo.expressions.gotext import argo_duration
from localargo.ports import Doc
from localargo.workflows.index import COMPLETED, FULFILLED
from localargo.workflows.messages import Run
from localargo.workflows.status import HIDDEN, pod_name, spec_of, template_name

POD_DELAY = 5.0  # seconds, the default of Argo's podGCDeleteDelayDuration
LONGEST = 10**12  # seconds
OF_WORKFLOW = ("OnWorkflowCompletion", "OnWorkflowSuccess")
BY_PHASE = {"Succeeded": "secondsAfterSuccess", "Failed": "secondsAfterFailure"}  # Argo has no setting of its own for Error


def expires_at(run: Run) -> float | None:
    """The time at which the Workflow is to be deleted; None when it has not ended, or is kept."""
    own = ((run.head.get(HIDDEN) or {}).get("spec") or run.workflow.get("spec") or {}).get("ttlStrategy")
    template = (run.head.get("storedWorkflowTemplateSpec") or {}).get("ttlStrategy")
    strategy = (template if own is None else own) or {}  # as a whole, because Argo does not merge the two
    phase = run.head.get("phase")
    if phase not in COMPLETED:
        return None
    after = strategy.get(BY_PHASE.get(phase))
    if after is None:
        after = strategy.get("secondsAfterCompletion")
    return None if after is None else seconds(run.head["finishedAt"]) + min(int(after), LONGEST)


def at_its_end(run: Run) -> bool:
    """Whether the run's pods are removed together when the run has ended."""
    return (spec_of(run).get("podGC") or {}).get("strategy") in OF_WORKFLOW


def removable(run: Run, nodes: Iterable[str]) -> Iterator[tuple[str, float]]:
    """The pods of these nodes that are to be removed, each with the time at which it is due."""
    settings = spec_of(run).get("podGC") or {}
    strategy, phase = settings.get("strategy"), run.head.get("phase")
    since = 0.0
    if strategy in OF_WORKFLOW:
        if phase not in (COMPLETED if strategy == "OnWorkflowCompletion" else ("Succeeded",)):
            return
        since = seconds(run.head["finishedAt"])
    elif strategy not in ("OnPodCompletion", "OnPodSuccess"):
        return
    delay = _delay(settings)
    for node in nodes:
        doc = run.nodes.get(node)
        if doc is not None and _has_ended(doc, run.private.get(node, {})) and (strategy != "OnPodSuccess" or doc["phase"] == "Succeeded"):
            pod = pod_name(run.workflow["metadata"]["name"], doc["name"], template_name(doc))
            yield pod, max(since, seconds(doc["finishedAt"])) + delay


def _has_ended(node: Doc, private: Doc) -> bool:
    """Whether the node's pod has ended and is selected by `podGC`."""
    return bool(private.get("collected") and node["phase"] in FULFILLED and not private.get("pod"))


def _delay(settings: Doc) -> float:
    """The delay; an invalid one counts as not given, as in Argo."""
    try:
        delay = argo_duration(str(settings.get("deleteDelayDuration") or "-1"))
    except ExpressionError:
        return POD_DELAY
    return delay if delay >= 0 else POD_DELAY


def selects(selector: Doc, labels: Mapping[str, str]) -> bool:
    """Whether a Kubernetes label selector matches these labels."""
    if any(labels.get(key) != str(value) for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_holds(each, labels) for each in selector.get("matchExpressions") or ())


def _holds(requirement: Doc, labels: Mapping[str, str]) -> bool:
    value, values = labels.get(requirement.get("key") or ""), requirement.get("values") or ()
    match requirement.get("operator"):
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case _:
            return value is None
