"""What happens to a run (facts) and what is done for it (actions). The ledger stores both as JSON.

Every action is idempotent: it may be carried out again after a crash and must then change nothing. `key` names its row in the
outbox, which is deleted with the fact that answers it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from localargo.ports import Doc, Json, PodExit, PodSpec, StoredOutputs

# ---------------------------------------------------------------------------------------------- facts


@dataclass(frozen=True, slots=True)
class Created:
    """The Workflow was admitted."""

    kind: Literal["Created"] = "Created"


@dataclass(frozen=True, slots=True)
class PodRunning:
    """The first container of the node's pod has started."""

    node_id: str
    at: float
    kind: Literal["PodRunning"] = "PodRunning"


@dataclass(frozen=True, slots=True)
class PodExited:
    """The pod ended; its outputs are not stored yet (the answer is a StoreOutputs action, or an Error node)."""

    node_id: str
    exit: PodExit
    kind: Literal["PodExited"] = "PodExited"


@dataclass(frozen=True, slots=True)
class OutputsStored:
    """The pod's outputs are in the bucket."""

    node_id: str
    outputs: StoredOutputs
    kind: Literal["OutputsStored"] = "OutputsStored"


@dataclass(frozen=True, slots=True)
class LockGranted:
    """The node (or, with an empty node id, the run) holds every lock it asked for."""

    node_id: str
    kind: Literal["LockGranted"] = "LockGranted"


@dataclass(frozen=True, slots=True)
class LockWaiting:
    """The node waits for a lock; `message` is Argo's "Waiting for ... lock. Lock status: 0/1"."""

    node_id: str
    message: str
    lock: str
    kind: Literal["LockWaiting"] = "LockWaiting"


@dataclass(frozen=True, slots=True)
class Answered:
    """A `resource` or `http` template has ended: phase Succeeded, Failed or Error."""

    node_id: str
    phase: str
    message: str = ""
    outputs: Doc | None = None
    kind: Literal["Answered"] = "Answered"


@dataclass(frozen=True, slots=True)
class TimerDue:
    """The time `wake_at` has passed."""

    kind: Literal["TimerDue"] = "TimerDue"


@dataclass(frozen=True, slots=True)
class Operated:
    """Someone asked: stop, terminate, suspend, resume, or set (outputs, phase or message of a node, `argo node set`)."""

    operation: Literal["stop", "terminate", "suspend", "resume", "set"]
    options: Mapping[str, Json] = field(default_factory=dict)  # node-field-selector, message, phase, outputParameters {name: value}
    kind: Literal["Operated"] = "Operated"


Fact = Created | PodRunning | PodExited | OutputsStored | LockGranted | LockWaiting | Answered | TimerDue | Operated

# ---------------------------------------------------------------------------------------------- actions


@dataclass(frozen=True, slots=True)
class EnsurePod:
    """Stage and start; answered by PodExited."""

    node_id: str
    pod: PodSpec
    kind: Literal["EnsurePod"] = "EnsurePod"

    @property
    def key(self) -> str:
        return f"pod/{self.node_id}"


@dataclass(frozen=True, slots=True)
class StopPod:
    """SIGTERM, then SIGKILL; answered by PodExited of the same node."""

    node_id: str
    pod: str
    grace_seconds: float
    kind: Literal["StopPod"] = "StopPod"

    @property
    def key(self) -> str:
        return f"stop/{self.node_id}"


@dataclass(frozen=True, slots=True)
class StoreOutputs:
    """Answered by OutputsStored."""

    node_id: str
    pod: PodSpec
    kind: Literal["StoreOutputs"] = "StoreOutputs"

    @property
    def key(self) -> str:
        return f"outputs/{self.node_id}"


@dataclass(frozen=True, slots=True)
class WantLock:
    """Request all of `locks` or none; answered by LockGranted, perhaps after LockWaiting. Empty node id: the run itself."""

    node_id: str
    locks: Sequence[str]  # "Mutex/<namespace>/<name>" or "Semaphore/<namespace>/<configmap>/<key>"
    limits: Mapping[str, int]  # of the semaphores
    priority: int = 0
    kind: Literal["WantLock"] = "WantLock"

    @property
    def key(self) -> str:
        return f"lock/{self.node_id}"


@dataclass(frozen=True, slots=True)
class FreeLock:
    """Release the node's locks, or stop waiting for them; needs no answer."""

    node_id: str
    kind: Literal["FreeLock"] = "FreeLock"

    @property
    def key(self) -> str:
        return f"free/{self.node_id}"


@dataclass(frozen=True, slots=True)
class SaveMemo:
    """Store an entry in the cache's ConfigMap; needs no answer."""

    node_id: str
    cache: str  # the ConfigMap's name
    memo_key: str
    outputs: Doc
    hit: bool = False  # only the time of the last hit: the outputs are stored already
    kind: Literal["SaveMemo"] = "SaveMemo"

    @property
    def key(self) -> str:
        return f"save/{self.node_id}"


@dataclass(frozen=True, slots=True)
class CallResource:
    """A `resource` template; answered by Answered. `manifest` is the parsed document."""

    node_id: str
    action: str  # create, apply, get, patch, delete
    manifest: Doc
    template: Doc  # the substituted `resource` field: mergeStrategy, setOwnerReference ...
    outputs: Sequence[Doc] = ()  # the template's output parameters
    kind: Literal["CallResource"] = "CallResource"

    @property
    def key(self) -> str:
        return f"resource/{self.node_id}"


@dataclass(frozen=True, slots=True)
class CallHttp:
    """An `http` template (loopback or allow-listed); answered by Answered with outputs.result = the body."""

    node_id: str
    http: Doc  # the substituted `http` field
    kind: Literal["CallHttp"] = "CallHttp"

    @property
    def key(self) -> str:
        return f"http/{self.node_id}"


Action = EnsurePod | StopPod | StoreOutputs | WantLock | FreeLock | SaveMemo | CallResource | CallHttp


# ---------------------------------------------------------------------------------------------- what reconcile reads and gives


@dataclass(frozen=True, slots=True)
class World:
    """A snapshot of the documents that a run may refer to, by name; never mutated."""

    namespace: str
    templates: Mapping[str, Doc]  # WorkflowTemplates
    cluster_templates: Mapping[str, Doc]
    configmaps: Mapping[str, Doc]
    secrets: Mapping[str, Doc]
    artifact_repository: Doc  # the `artifactRepository` value of workflow-controller-configmap: {"s3": {"bucket", "keyFormat", ...}}
    workflow_defaults: Doc
    pod_environment: Mapping[str, str]  # variables of every pod besides its manifest's env: PATH, HOME, TMPDIR, LANG


@dataclass(slots=True)
class Run:
    """A Workflow in memory. `nodes` are Argo's NodeStatus documents without `children`, by id; `edges` are the children in order.

    `head` is Argo's WorkflowStatus without `nodes`. `private` holds, by node id, what Argo keeps elsewhere (pods' specs, lock state,
    attempts); it is stored beside the node and never shown.
    """

    workflow: Doc  # metadata and spec, as admitted
    head: Doc
    nodes: dict[str, Doc]
    edges: dict[str, list[str]]
    private: dict[str, Doc]
    index: Any = None  # rebuilt at load by workflows.index, never stored


@dataclass(slots=True)
class Outcome:
    """The changes of one reconcile, applied to the run after they are committed."""

    nodes: dict[str, Doc]  # changed or new, whole documents
    private: dict[str, Doc]
    edges: list[tuple[str, str]]  # new (parent, child), in order
    head: Doc | None  # whole, None: unchanged
    actions: list[Action]
    cancel: list[str]  # outbox keys that are no longer wanted
    wake_at: float | None  # epoch seconds
    labels: dict[str, str] = field(default_factory=dict)  # to be set on the Workflow's metadata (phase, completed)
    annotations: dict[str, str] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)  # node ids (retry of a finished workflow)
