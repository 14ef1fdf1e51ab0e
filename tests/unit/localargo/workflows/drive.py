"""Plays Workflows through the pure part alone: reconcile, apply, and actions carried out at once. No ledger, no event loop.

Time is the machine's plus a jump: when nothing runs, the clock is set to the next wake-up. With `reload` the run is written as JSON and
read back between any two reconciles, and facts and actions pass through their journal form.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from localargo.clock import timestamp
from localargo.errors import AlreadyExists, LocalArgoError
from localargo.manifests.document import Document
from localargo.manifests.validate import argo_message, check
from localargo.manifests.yaml import load_documents
from localargo.ports import Doc, StoredOutputs
from localargo.workflows import retry_workflow, status
from localargo.workflows.active_workflow import refused
from localargo.workflows.encoding import decode_action, decode_fact, encode
from localargo.workflows.locks import Claim, grant
from localargo.workflows.memoize import remembered
from localargo.workflows.messages import (
    Action,
    Answered,
    CallHttp,
    CallResource,
    Created,
    EnsurePod,
    Fact,
    FreeLock,
    LockGranted,
    LockWaiting,
    Operated,
    OutputsStored,
    PodExited,
    PodRunning,
    Run,
    SaveMemo,
    StopPod,
    StoreOutputs,
    TimerDue,
    WantLock,
    World,
)
from localargo.workflows.reconcile import reconcile
from localargo.workflows.resource import failed, judge, kubectl_error
from localargo.workflows.run import apply
from tests.unit.localargo.workflows.sandbox import Box, FolderBucket

PATIENCE = 60.0
ENVIRONMENT = {"PATH": f"{sys.prefix}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"}


@dataclasses.dataclass
class ActiveWorkflow:
    """One Workflow, what it has asked for, and what it is to learn."""

    run: Run
    facts: list[Fact] = dataclasses.field(default_factory=list)
    outbox: dict[str, Action] = dataclasses.field(default_factory=dict)
    wake_at: float | None = None
    reconciles: int = 0


class Drive:
    """A cluster of one: documents, Workflows, pods."""

    def __init__(self, folder: Path, *, reload: bool = False, namespace: str = "argo") -> None:
        self.folder = folder
        self.reload = reload
        self.jump = 0.0
        self.namespace = namespace
        self.documents: dict[str, dict[str, Doc]] = {}
        self.live: dict[str, ActiveWorkflow] = {}
        self.boxes: dict[str, Box] = {}
        self.ended: dict[str, Box] = {}
        self.holders: dict[str, list[tuple[str, str]]] = {}
        self.bucket = FolderBucket(folder / "bucket")
        self.operations: list[Doc] = []
        self.made = 0

    def now(self) -> float:
        return time.time() + self.jump

    def world(self) -> World:
        return World(
            namespace=self.namespace,
            templates=self.documents.get("WorkflowTemplate", {}),
            cluster_templates=self.documents.get("ClusterWorkflowTemplate", {}),
            configmaps=self.documents.get("ConfigMap", {}),
            secrets=self.documents.get("Secret", {}),
            artifact_repository={},
            workflow_defaults={},
            pod_environment=ENVIRONMENT,
        )

    # ------------------------------------------------------------------------------------------ documents

    def load(self, text: str) -> list[str]:
        """Create every document; the names of the Workflows in order."""
        names = []
        for document in load_documents(text, "case.yaml"):
            if document.kind == "Workflow":
                names.append(self.create(document.doc))
            elif document.kind == "Operations":
                self.operations = document.doc["spec"]["steps"]
            else:
                self.documents.setdefault(document.kind, {})[document.name] = document.doc
        return names

    def create(self, doc: Doc) -> str:
        """What the API server would do with a Workflow."""
        metadata = dict(doc["metadata"])
        if "name" not in metadata:
            self.made += 1
            metadata["name"] = f"{metadata['generateName']}x{self.made:04d}"
        name: str = metadata["name"]
        if name in self.live:
            raise AlreadyExists(f'workflows.argoproj.io "{name}" already exists')
        metadata.update(namespace=self.namespace, uid=str(uuid.uuid4()), creationTimestamp=timestamp(self.now()))
        workflow = json.loads(json.dumps({**doc, "metadata": metadata}))
        world = self.world()
        known = [Document(d, "world", {}) for kind in self.documents.values() for d in kind.values()]
        message = argo_message(check([Document(workflow, "case.yaml", {})], known))
        if message:
            self.live[name] = ActiveWorkflow(refused(workflow, message, self.now()))
        else:
            self.live[name] = ActiveWorkflow(status.new_run(workflow, world, self.now()), [Created()])
        return name

    # ------------------------------------------------------------------------------------------ playing

    def play(self, names: Sequence[str]) -> list[Doc]:
        """Until all have ended; their documents as Argo's API would show them."""
        limit = time.time() + PATIENCE
        steps = list(self.operations)
        pause = 0.0
        while True:
            busy = self._turn()
            pods = self._pods()
            if busy or pods:
                continue
            ended = all(status.is_finished(self.live[n].run) for n in names)
            if steps and self.now() >= pause:
                step = steps[0]
                if "wait" in step and not ended:
                    pass
                else:
                    pause = self._operate(names[0], steps.pop(0))
                    continue
            elif not steps and ended and not self.boxes:
                return [status.compose(self.live[n].run) for n in names]
            self._wait(pause if steps else None)
            if time.time() > limit:
                raise TimeoutError(json.dumps([status.compose(self.live[n].run)["status"] for n in names], indent=1))

    def _wait(self, pause: float | None) -> None:
        if self.boxes:
            time.sleep(0.01)
            if pause is not None and all(time.time() - b.began > 1.0 for b in self.boxes.values()):
                self.jump += max(0.0, pause - self.now())
            return
        wakes = [x.wake_at for x in self.live.values() if x.wake_at is not None and not status.is_finished(x.run)]
        if pause is not None:
            wakes.append(pause)
        if not wakes:
            shown = [status.compose(x.run) for x in self.live.values()]
            raise AssertionError(f"nothing runs and nothing is waited for: {json.dumps(shown)}")
        self.jump += max(0.0, min(wakes) - self.now())

    def _turn(self) -> bool:
        """Reconcile every Workflow that has something to learn."""
        busy = False
        for live in list(self.live.values()):
            if live.wake_at is not None and live.wake_at <= self.now() and not status.is_finished(live.run):
                live.wake_at = None
                live.facts.append(TimerDue())
            if live.facts:
                busy = True
                self._reconcile(live)
        if busy:
            self._locks()
        return busy

    def _reconcile(self, live: ActiveWorkflow) -> None:
        facts, live.facts = live.facts, []
        if self.reload:
            facts = [decode_fact(encode(f)) for f in facts]
            r = live.run
            live.run = Run(*json.loads(json.dumps([r.workflow, r.head, r.nodes, r.edges, r.private])))
        before = json.dumps([live.run.head, live.run.nodes, live.run.edges, live.run.private], sort_keys=True)
        outcome = reconcile(live.run, facts, self.world(), self.now())
        assert before == json.dumps([live.run.head, live.run.nodes, live.run.edges, live.run.private], sort_keys=True)
        live.reconciles += 1
        apply(live.run, outcome)
        metadata = live.run.workflow["metadata"]
        for field, values in (("labels", outcome.labels), ("annotations", outcome.annotations)):
            if values:
                metadata[field] = {**(metadata.get(field) or {}), **values}
        live.wake_at = outcome.wake_at
        for key in outcome.cancel:
            live.outbox.pop(key, None)
        for action in outcome.actions:
            self._do(live, decode_action(encode(action)) if self.reload else action)

    # ------------------------------------------------------------------------------------------ actions

    def _do(self, live: ActiveWorkflow, action: Action) -> None:
        workflow = live.run.workflow["metadata"]["name"]
        match action:
            case EnsurePod():
                self.boxes[action.node_id] = Box(action.pod, self.folder / "pods", self.folder / "claims", self.bucket)
                live.facts.append(PodRunning(action.node_id, self.now()))
            case StopPod():
                if action.node_id in self.boxes:
                    self.boxes[action.node_id].kill()
            case StoreOutputs():
                live.facts.append(OutputsStored(action.node_id, self._collect(action)))
            case WantLock():
                live.outbox[action.key] = action
            case FreeLock():
                live.outbox.pop(f"lock/{action.node_id}", None)
                for owners in self.holders.values():
                    if (workflow, action.node_id) in owners:
                        owners.remove((workflow, action.node_id))
            case SaveMemo():
                shelf = self.documents.setdefault("ConfigMap", {})
                shelf[action.cache] = remembered(shelf.get(action.cache), [action], self.now())
            case CallResource():
                live.facts.append(self._resource(action))
            case CallHttp():
                raise NotImplementedError

    def _collect(self, action: StoreOutputs) -> StoredOutputs:
        return self.ended.pop(action.node_id).collect()

    def _resource(self, action: CallResource) -> Answered:
        try:
            if action.action != "create" or action.manifest["kind"] != "Workflow":
                raise NotImplementedError(action.action)
            name = self.create(action.manifest)
        except LocalArgoError as error:
            return failed(action, kubectl_error(action.action, error))
        answer = judge(action, status.compose(self.live[name].run))
        assert answer is not None
        return answer

    def _locks(self) -> None:
        waiting = [
            Claim((name, a.node_id), a.locks, a.limits)
            for name, live in self.live.items()
            for a in live.outbox.values()
            if isinstance(a, WantLock)
        ]
        given, refusals = grant(self.holders, waiting)
        for claim in given:
            name, node = claim.owner
            for lock in claim.locks:
                self.holders.setdefault(lock, []).append(claim.owner)
            del self.live[name].outbox[f"lock/{node}"]
            self.live[name].facts.append(LockGranted(node))
        for (name, node), refusal in refusals.items():
            live = self.live[name]
            shown = live.run.head.get("message") if not node else live.run.nodes[node].get("message")
            if shown != refusal.message:
                live.facts.append(LockWaiting(node, refusal.message, refusal.lock))

    def _pods(self) -> bool:
        """Look at the pods; whether one ended."""
        ended = False
        for node, box in list(self.boxes.items()):
            found = box.advance(self.now())
            if found is not None:
                del self.boxes[node]
                self.ended[node] = box
                self.live[box.pod.workflow].facts.append(PodExited(node, found))
                ended = True
        return ended

    # ------------------------------------------------------------------------------------------ operations

    def _operate(self, name: str, step: Doc) -> float:
        """Do one step of an Operations document; the time until which to pause."""
        if "sleep" in step:
            return self.now() + float(step["sleep"])
        if "patch" in step:
            patch = step["patch"]
            kind = {"configmap": "ConfigMap"}[patch["kind"]]
            old = self.documents[kind][patch["name"]]
            self.documents[kind][patch["name"]] = {**old, "data": {**old["data"], **patch["data"]}}
        elif "argo" in step:
            words = [w for w in step["argo"] if w != "{{workflow}}"]
            verb = words.pop(0)
            verb = words.pop(0) if verb == "node" else verb
            self.operate(name, verb, options(words))
        return 0.0

    def operate(self, name: str, verb: str, given: dict[str, Any]) -> None:
        """As `argo <verb>` would."""
        live = self.live[name]
        if verb == "retry":
            outcome = retry_workflow.retry(live.run, given, self.now())
            apply(live.run, outcome)
            live.facts.append(TimerDue())
        elif verb == "resubmit":
            self.create(retry_workflow.resubmit(status.compose(live.run), given))
        else:
            live.facts.append(Operated(cast(Any, verb), given))


def options(words: list[str]) -> dict[str, Any]:
    """argo's options as the API names them."""
    found: dict[str, Any] = {}
    takes: dict[str, Callable[[str], None]] = {
        "--message": lambda v: found.update(message=v),
        "--phase": lambda v: found.update(phase=v),
        "--node-field-selector": lambda v: found.update(nodeFieldSelector=v),
        "--output-parameter": lambda v: found.setdefault("outputParameters", {}).update([v.split("=", 1)]),
    }
    while words:
        flag = words.pop(0)
        if flag in takes:
            takes[flag](words.pop(0))
        else:
            found[{"--restart-successful": "restartSuccessful", "--memoized": "memoized"}[flag]] = True
    return found
