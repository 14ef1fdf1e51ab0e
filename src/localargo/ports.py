"""What the packages exchange: records that cross package borders, and the Protocols through which they use each other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

Json = Any  # None | bool | int | float | str | list[Json] | dict[str, Json]
Doc = dict[str, Any]  # one Kubernetes document as a tree


@dataclass(frozen=True, slots=True)
class Event:
    """A CloudEvent in the form of Argo Events: `source` is the EventSource's name, `subject` the event's name, `data` is JSON."""

    id: str  # 32 hex digits
    source: str
    subject: str
    type: str  # "webhook", "calendar", "minio", ...
    time: str  # RFC 3339, UTC
    data: bytes  # JSON text
    datacontenttype: str = "application/json"
    specversion: str = "1.0"


# ---------------------------------------------------------------------------------------------- pods and artifacts


@dataclass(frozen=True, slots=True)
class ArtifactLocation:
    """Where an artifact is stored, for one of the kinds. An empty `bucket` means the engine's own."""

    kind: Literal["s3", "raw", "http"]
    key: str = ""  # s3: object key or, with a trailing "/", a prefix; http: the URL
    bucket: str = ""
    data: str = ""  # raw: the content
    headers: Sequence[Sequence[str]] = ()  # http: name and value of each header of the request


@dataclass(frozen=True, slots=True)
class Artifact:
    """An input placed at `path` before the containers start, or an output stored from `path` after they have ended."""

    name: str
    path: str  # absolute, as the containers see it
    location: ArtifactLocation | None  # None: an optional input that is absent
    optional: bool = False
    archive: Literal["auto", "tar", "none", "zip"] = "auto"  # of an output "auto" is a tar; an input is a tar if it looks like one
    compression: int | None = None  # gzip level of a tar, None is the default level
    mode: int | None = None
    sub_path: str = ""
    recurse_mode: bool = False


@dataclass(frozen=True, slots=True)
class OutputParameter:
    """An output read from a file that a container wrote; `default` is used when the file is not there, None means it must be."""

    name: str
    path: str
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume as folder content. `claim` names a folder that outlives the pod; `files` are written before start; both empty: emptyDir."""

    name: str
    claim: str = ""
    owner: str = ""  # uid of the Workflow with which the claim is deleted, if any
    files: Mapping[str, str] = field(default_factory=dict)  # relative path -> text
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Mount:
    """Where a container sees a volume (absolute path)."""

    volume: str
    path: str
    sub_path: str = ""
    read_only: bool = False


MAIN = "main"  # the name of a pod's one container


@dataclass(frozen=True, slots=True)
class Container:
    """One process: command and arguments with every tag already substituted, and the whole of its environment."""

    name: str
    image: str
    command: Sequence[str]
    args: Sequence[str] = ()
    script: str | None = None  # source of a script template: written to a file, appended as the last argument
    env: Mapping[str, str] = field(default_factory=dict)
    working_dir: str = ""
    mounts: Sequence[Mount] = ()
    memory_bytes: int | None = None  # limit
    memory_asked: int | None = None  # request
    cpu: float | None = None  # limit, cores


@dataclass(frozen=True, slots=True)
class PodSpec:
    """Everything that a runner needs to know about a pod; no other document is consulted."""

    name: str
    namespace: str
    workflow: str
    node_id: str
    template: str
    containers: Sequence[Container]  # one: a pod is a process here
    volumes: Sequence[Volume] = ()
    inputs: Sequence[Artifact] = ()
    output_parameters: Sequence[OutputParameter] = ()
    output_artifacts: Sequence[Artifact] = ()
    capture_result: bool = False  # keep standard output of main as `outputs.result`
    deadline: float | None = None  # epoch seconds at which the pod has been active for too long
    stop_at: float | None = None  # epoch seconds at which its containers get SIGTERM; how they end then counts as their own result
    grace_seconds: float = 30.0  # between SIGTERM and SIGKILL
    archive_logs_key: str = ""  # s3 key of main's log artifact, empty: not archived
    owner: str = ""  # uid of the Workflow: a pod of the same name and another owner is another pod


@dataclass(frozen=True, slots=True)
class ContainerExit:
    """How one container ended. `reason` is Kubernetes' word: Completed, Error, OOMKilled, DeadlineExceeded."""

    name: str
    exit_code: int
    reason: str
    started_at: float
    finished_at: float
    message: str = ""


@dataclass(frozen=True, slots=True)
class PodExit:
    """How a pod ended. `lost`: it was started, is gone, and left no exit code ("pod deleted")."""

    pod: str
    node_id: str
    workflow: str
    started_at: float
    finished_at: float
    containers: Sequence[ContainerExit] = ()
    lost: bool = False
    error: str = ""  # could not be started or staged: Argo's wording for an Error node


@dataclass(frozen=True, slots=True)
class StoredOutputs:
    """The outputs of a pod. `error` names missing files in Argo's words; `broken` says why its main container could not hand over its
    files (then that container has failed)."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    artifacts: Mapping[str, ArtifactLocation] = field(default_factory=dict)
    result: str | None = None
    error: str = ""
    broken: str = ""


class PodPaths(Protocol):
    """Maps paths as a pod's containers see them to paths on this machine."""

    def locate(self, path: str) -> Path:
        """Without following links."""

    def resolve(self, path: str) -> Path:
        """Links followed as the containers would follow them."""


class Artifacts(Protocol):
    """Moves files between a pod's folder and the bucket. Failures are LocalArgoErrors whose text becomes the node's message."""

    async def stage(self, pod: PodSpec, paths: PodPaths) -> None:
        """Put the input artifacts into the pod's folder."""

    async def collect(self, pod: PodSpec, paths: PodPaths, result: Path | None, log: Path | None) -> StoredOutputs:
        """Read output parameters and `result` (the end of standard output), store output artifacts and `log`."""


class Pods(Protocol):
    """Runs pods. Every call is idempotent."""

    async def ensure(self, pod: PodSpec) -> None:
        """Stage inputs and start the pod unless that has been done; its end is reported to the `on_exit` given at construction."""

    async def stop(self, pod: str, grace_seconds: float) -> None:
        """SIGTERM to the process groups, SIGKILL after the grace period; nothing happens if the pod is not running."""

    async def collect(self, pod: PodSpec) -> StoredOutputs:
        """Read output parameters and result, store output artifacts in the bucket."""

    async def forget(self, pod: str) -> None:
        """Remove the pod's folder except its logs."""

    async def discard(self, owner: str) -> None:
        """End the pods of a deleted Workflow and remove their folders, logs and all."""

    async def remove(self, pod: str, owner: str) -> None:
        """Remove the folder of an ended pod of that Workflow (its uid), logs and all."""

    async def keep_only(self, owners: Collection[str], pods: Collection[str]) -> Mapping[str, str]:
        """Discard what is left of the pods of any other Workflow, and of these Workflows' ended pods forget those not in `pods` (before
        the first `ensure`). The answer: the pods of which something is left, with their owners."""

    def logs(self, pod: str, container: str, follow: bool) -> AsyncIterator[bytes]:
        """The container's output as it comes; ends when the pod has ended (or at once when not `follow`)."""


PodListener = Callable[[PodExit], None]
LabelFilter = Callable[[Mapping[str, str]], bool]  # whether a document with these labels is wanted


# ---------------------------------------------------------------------------------------------- objects and the bus


class Objects(Protocol):
    """The API server's part: documents by kind and name. Raises NotFound, AlreadyExists, InvalidInput, Unsupported."""

    def create(self, doc: Doc) -> Doc:
        """Store a new document (admission included: names generated, defaults, lint) and return it as stored."""

    def examine(self, doc: Doc) -> Doc:
        """Check the document as `create` does and return it as it would be stored; stores nothing."""

    def get(self, kind: str, name: str) -> Doc:
        """The document, for a Workflow with its status in Argo's shape."""

    def list(self, kind: str, fits: LabelFilter | None = None) -> list[Doc]:
        """All documents of the kind whose labels fit, oldest first."""

    def newest_workflows(self, fits: LabelFilter | None = None, limit: int = 0, skip: int = 0) -> tuple[Sequence[Doc], int]:
        """Workflows with their status, newest first, without the first `skip` and at most `limit` (0: all), and how many follow."""

    def apply(self, doc: Doc) -> Doc:
        """Create, or replace the spec of what is there."""

    def patch(self, kind: str, name: str, patch: Doc) -> Doc:
        """JSON merge patch."""

    def delete(self, kind: str, name: str) -> None:
        """Remove it; a running Workflow's pods are stopped."""


Operation = Literal["submit", "resubmit", "retry", "stop", "terminate", "suspend", "resume", "set"]


class Workflows(Protocol):
    """What can be done to a Workflow besides creating it (Argo's `argo <operation>`)."""

    def operate(self, operation: Operation, name: str, options: Mapping[str, Json]) -> Doc:
        """Apply the operation and return the Workflow (a new one for submit and resubmit)."""


class Bucket(Protocol):
    """The embedded engine's view of the S3 bucket (blocking calls; run them in threads)."""

    name: str

    def get(self, key: str) -> bytes: ...
    def put(self, key: str, data: bytes) -> str: ...
    def download(self, key: str, to: Path) -> None: ...
    def upload(self, path: Path, key: str) -> None: ...
    def list(self, prefix: str) -> list[str]: ...
    def exists(self, key: str) -> bool: ...


class Clock(Protocol):
    """The current time; tests supply their own."""

    def now(self) -> float:
        """Seconds since the epoch."""
