"""What this engine does with every field of Argo's resources, as a page: `python -m localargo.manifests.compatibility` prints it."""

from __future__ import annotations

from collections.abc import Iterator

from localargo.manifests import schema, support
from localargo.manifests.support_table import NOT_ENFORCED, Status

KINDS = ("Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow", "EventSource", "EventBus", "Sensor")
LABELS: dict[Status, str] = {"supported": "supported", "kept": "kept", "refused": "**refused**"}

INTRODUCTION = """\
<!-- Generated from the code. Do not edit: python -m localargo.manifests.compatibility > docs/reference/compatibility.md -->
# What the embedded engine does with every field

The same manifests run on Argo (Argo Workflows 4.1, Argo Events 1.9) and on the embedded engine. No field is ever ignored silently:

| status | meaning |
|---|---|
| supported | does what it does on Argo |
| kept | carried along and shown, not enforced on this machine; lint lists each kind of field once |
| **refused** | the manifest does not start: a typed error (exit code 3) names file, line, field and reason |

A field without an entry in the engine's table is refused. Below a kept or refused field everything shares its status, so it is not
listed again. A `Definition` is a part of the schema that can appear in several places: `k8s.Container` is the `container` of a
template.
"""

DEVIATIONS = (
    (
        "Lua (`transform.script`, `filters.script`)",
        "runs it in gopher-lua, with all libraries and no bounds",
        "runs it in Lua 5.1 without `os`, `io`, `package`, `debug`, `coroutine`, `load` and chance; a script that needs more than 200,000 "
        "instructions or 32 MiB, or whose patterns need too much work for the event's texts, fails: the event is dropped",
    ),
    (
        "a plain reference to an output that can never have a value",
        "waits forever; only the controller's log says so",
        "ends the node with an error that names the reference",
    ),
    (
        "`configMapKeyRef` inputs of a DAG or steps template",
        "are read again at every reconcile, so an edit changes a running Workflow",
        "are read once for each node",
    ),
    (
        "a resubmit with `memoized`",
        "creates all nodes at once, those to be run as Pending; a step with a `retryStrategy` gets one attempt more even if it succeeded",
        "creates the nodes that are reused; the others appear when they start",
    ),
    (
        "lists of a loop's outputs after a resubmit with `memoized`",
        "lack the items that are reused: `[]` in a dag, and steps wait forever",
        "hold them",
    ),
    (
        "GJSON multipaths (`{a,b}`, `[a,b]`) and literals (`!`) in the paths of a Sensor",
        "are read",
        "refuse the Sensor: a `transform` makes the same of an event, and can be read",
    ),
    (
        "sprig's functions of the time, of chance, of keys, of the network: `now`, `ago`, `randAlpha`, `uuidv4`, `genCA` ...",
        "are called",
        "refuse the manifest: the same event must always give the same Workflow",
    ),
    (
        "hooks other than `exit`",
        "are run once the controller sees their condition hold; whether it sees a short step run depends on when it looks",
        "are refused: what they see follows from the controller's clock, not from the Workflow",
    ),
    (
        "an item of a dag's loop that cannot be called (a ConfigMap is missing)",
        "ends the loop there, and the items after it are never made; `task ... errored:` stands before the message, or not, by when the "
        "controller looks again",
        "shows why; the other items run, each with its exit handler, and the loop has the error",
    ),
    (
        "a task after a template that failed before it made a node",
        "is never found again: the dag never ends",
        "counts as what it came to; one that was omitted, as failed",
    ),
    (
        "`parallelism` of a Workflow",
        "gives places to the nodes of a template that has begun before it begins the next one",
        "gives places in the order in which they are asked for",
    ),
    (
        "`containerSet` (recorded case `container-set`)",
        "runs several containers in one pod",
        "is refused: a pod is one process here, and a second one would cost every pod dependencies, ends and roots of its own; use steps, "
        "which may run in parallel, or one script",
    ),
    (
        "exit handlers of a loop's items",
        "are called one after the other; when all items have ended by then, those that are left are never called",
        "are all called, and what depends on the loop waits for them",
    ),
    (
        "`jsonPath` of a `resource` template's outputs, `jsonpath(...)` in expressions",
        "take filters, wildcards, slices and `range`",
        "take names and indexes; `jqFilter` and `filter(fromJSON(text), ...)` do more",
    ),
    (
        "`now`, `date`, `duration`, `timezone` and the operations on bits in expressions",
        "are called",
        "are refused: the same Workflow must always give the same value; compute it in a step",
    ),
    (
        "`resource` templates",
        "work on every kind that the cluster has",
        "work on Workflow, WorkflowTemplate and ConfigMap: the engine stores no other kinds",
    ),
)

OTHER_KINDS = "## Other kinds\n\n| kind | status | note |\n|---|---|---|\n"


def page() -> str:
    """The whole page, as Markdown."""
    parts = [INTRODUCTION, _summary(), _deviations(), *(_kind(kind) for kind in KINDS), _others()]
    return "\n".join(parts)


def _summary() -> str:
    lines = ["| kind | supported | kept | refused |", "|---|---|---|---|"]
    for kind in KINDS:
        rows = support.rows(kind)
        counts = [sum(status == each for _, status, _ in rows) for each in ("supported", "kept", "refused")]
        lines.append(f"| [{kind}](#{kind.lower()}) | {' | '.join(map(str, counts))} |")
    return "\n".join(lines) + "\n"


def _deviations() -> str:
    lines = ["## Deviations\n", "| where | what real Argo does | what this engine does, and why |", "|---|---|---|"]
    lines += [f"| {where} | {argo} | {here} |" for where, argo, here in DEVIATIONS]
    return "\n".join(lines) + "\n"


def _kind(kind: str) -> str:
    if kind in support.REFUSED_KINDS:
        return f"## {kind}\n\n**refused**: {support.REFUSED_KINDS[kind]}.\n"
    if kind == "ClusterWorkflowTemplate":
        return f"## {kind}\n\nAs [WorkflowTemplate](#workflowtemplate); there is one namespace, so it is known everywhere in it.\n"
    lines = [f"## {kind}\n", "| field | status | note |", "|---|---|---|", *_rows(kind)]
    return "\n".join(lines) + "\n"


def _rows(kind: str) -> Iterator[str]:
    known = {name for name, _, _ in support.rows("Workflow")} if kind == "WorkflowTemplate" else set()
    for name, status, note in support.rows(kind):
        if name not in known:
            yield f"| `{name}` | {LABELS[status]} | {'' if note == NOT_ENFORCED else _escaped(note)} |"
    if known:
        yield "| everything else | | as in [Workflow](#workflow) |"


def _others() -> str:
    lines = [f"| {kind} | supported | {_escaped(note)} |" for kind, note in support.SUPPORTED_KINDS.items()]
    lines += [f"| {kind} | kept | |" for kind in support.KEPT_KINDS]
    lines += [f"| {kind} | **refused** | {note} |" for kind, note in support.REFUSED_KINDS.items() if kind not in schema.KINDS]
    lines.append("| every other kind | **refused** | this engine runs workflows and events only |")
    return OTHER_KINDS + "\n".join(lines)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(page())
