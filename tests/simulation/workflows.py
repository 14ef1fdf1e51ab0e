"""The Workflows of workflowtemplates/ in short: the same steps, arguments, conditions, retries and names."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from handlers import contracts, evaluate, fetch, heal, notify, promote, train, transform
from tests.simulation.asked import MODEL
from tests.simulation.bucket import Connection
from tests.simulation.scheduler import Flow, Killed, Task
from tests.simulation.stand_ins import Process

if TYPE_CHECKING:
    from tests.simulation.world import World

ATTEMPTS = 9
AGAIN = ["--again-out", "again", "--name-out", "name", "--event-out", "event"]
Step = Generator[Any, Any, "dict[str, str] | None"]


@dataclass(slots=True)
class Workflow:
    name: str
    created: float
    window: str = ""
    event: str = ""
    stopped: str = ""  # by somebody: "stop" runs the exit handler, "terminate" does not
    step: list[Task] = field(default_factory=list)

    def is_stopped(self) -> bool:
        return bool(self.stopped)


class Engine:
    """Runs Workflows in a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.asked, self.scheduler = world.asked, world.scheduler
        self.names: set[str] = set()
        self.active: list[Workflow] = []
        self.ended = 0

    def create(self, name: str, window: str = "", event: str = "") -> None:
        """A name that exists is refused, as an API server does."""
        if name in self.names:
            return
        self.names.add(name)
        workflow = Workflow(name, self.scheduler.now, window, event)
        self.active.append(workflow)
        self.scheduler.start(name, self._whole(workflow))
        self.world.created(workflow)

    def stop(self, workflow: Workflow, how: str) -> None:
        workflow.stopped = how
        for task in workflow.step:
            self.scheduler.kill(task)

    def _whole(self, workflow: Workflow) -> Flow:
        try:
            yield from self._dag(workflow)
            if workflow.stopped != "terminate":
                workflow.stopped = ""
                yield from self._exit(workflow)
        finally:
            self.active.remove(workflow)
            self.ended += 1

    def _dag(self, workflow: Workflow) -> Flow:
        phase = dict.fromkeys(("settle", "fetch", "transform", "train", "evaluate"), "Omitted")
        common = ["--model", MODEL, "--run", workflow.name, "--spec", self.asked.text]
        decision, dataset, scores = "", "", []
        settled = yield from self._settle(workflow, common)
        phase["settle"] = "Succeeded" if settled else "Failed"
        if settled:
            outs = ["--decision-out", "decision", "--snapshot-out", "snapshot", "--reason-out", "reason", "--batches-out", "batches"]
            found = yield from self._step(workflow, fetch.run, ["snapshot", *common, "--event", workflow.event, *outs])
            phase["fetch"] = "Succeeded" if found else "Failed"
            decision = found["decision"] if found else ""
        if decision == "train":
            assert found is not None
            # what a batch has left is made by the step that follows, whatever came of it
            yield from self._steps(workflow, transform.run, [["make", *common, "--batch", str(n)] for n in json.loads(found["batches"])])
            argv = [*common, "--snapshot", found["snapshot"], "--dataset-out", "dataset", "--summary-out", "summary"]
            made = yield from self._step(workflow, transform.run, [*argv, "--decision-out", "decision"])
            phase["transform"] = "Succeeded" if made else "Failed"
            dataset = made["dataset"] if made and made["decision"] == "train" else ""
        if dataset:
            self.world.rules.trains(workflow.name)
            common += ["--dataset", dataset]
            asked = [[*common, "--trial", trial, "--result-out", "result"] for trial in self.asked.trials]
            results = yield from self._steps(workflow, train.run, asked)
            phase["train"] = "Succeeded" if len(results) == len(asked) else "Failed"
            asked = [[*common, "--result", found["result"], "--scores-out", "scores"] for found in results]
            scores = [found["scores"] for found in (yield from self._steps(workflow, evaluate.run, asked))]
            phase["evaluate"] = "Succeeded" if len(scores) == len(asked) else "Failed"
        if workflow.stopped:
            return
        status = " ".join(f"{name}={each}" for name, each in phase.items())
        argv = ["judge", *common, "--results", json.dumps(scores), "--status", status, "--decision", decision]
        judged = yield from self._step(workflow, promote.run, [*argv, *AGAIN, "--verdict-out", "verdict"])
        self._again(workflow, judged)

    def _exit(self, workflow: Workflow) -> Flow:
        argv = ["report", "--model", MODEL, "--run", workflow.name, "--status", "Failed", "--failures", "null", *AGAIN]
        reported = yield from self._step(workflow, promote.run, [*argv, "--notify-out", "notify"], attempts=1)
        self._again(workflow, reported)
        yield from self._notify(workflow, reported, MODEL)

    def _again(self, workflow: Workflow, outputs: dict[str, str] | None) -> None:
        if outputs is not None and outputs.get("again") == "yes":
            self.create(outputs["name"], event=outputs["event"])

    def _notify(self, workflow: Workflow, outputs: dict[str, str] | None, model: str) -> Flow:
        if outputs is not None and outputs.get("notify") == "yes":
            yield from self._step(workflow, notify.run, ["deliver", "--model", model], attempts=1)

    def _settle(self, workflow: Workflow, common: list[str]) -> Generator[Any, Any, bool]:
        since = str(int(workflow.created + self.world.skew))
        trigger = self.asked.spec.trigger
        asked = {"quiet": trigger.quiet, "at-most": trigger.at_most, "window": workflow.window, "event": workflow.event, "since": since}
        argv = ["look", *common, *(word for name, value in asked.items() for word in (f"--{name}", value))]
        for _ in range(90):
            found = yield from self._step(workflow, fetch.run, [*argv, "--quiet-out", "quiet", "--wait-out", "wait"])
            if found is None:
                return False
            if found["quiet"] == "yes":
                break
            yield float(found["wait"].removesuffix("s"))
            if workflow.stopped:
                return False
        return True

    def tick(self, window: int) -> Flow:
        """The Workflow of heal."""
        workflow = Workflow(f"heal-{window}", self.scheduler.now)
        argv = ["--models", str(self.asked.folder), "--window", str(window), "--starts-out", "starts", "--silent-out", "silent"]
        found = yield from self._step(workflow, heal.run, [*argv, "--notify-out", "notify"])
        self._start(found)
        for silent in json.loads(found["silent"]) if found else ():
            if silent["run"] not in {each.name for each in self.active}:
                self._start((yield from self._step(workflow, heal.run, [*argv, "--model", silent["model"], "--ended", silent["run"]])))
        yield from self._notify(workflow, found, "")

    def _start(self, outputs: dict[str, str] | None) -> None:
        for start in json.loads(outputs["starts"]) if outputs else ():
            self.create(start["name"], event=start["event"])

    def _steps(
        self, workflow: Workflow, run: Callable[[list[str]], None], asked: list[list[str]]
    ) -> Generator[Any, Any, list[dict[str, str]]]:
        """Steps side by side; what those that succeeded have put out."""
        found: list[dict[str, str] | None] = [None] * len(asked)

        def one(place: int) -> Flow:
            found[place] = yield from self._step(workflow, run, asked[place])

        yield [self.scheduler.start("one", one(place)) for place in range(len(asked))]
        return [each for each in found if each is not None]

    def _step(self, workflow: Workflow, run: Callable[[list[str]], None], argv: list[str], attempts: int = ATTEMPTS) -> Step:
        """A pod with the retries of workflowtemplates/step.yaml; its outputs, None when it has failed."""
        temporary = 0
        for attempt in range(attempts):
            if workflow.stopped:
                return None
            process = Process(self.scheduler, Connection(self.world.bucket, self.scheduler, self.world.faults))
            task = self.scheduler.spawn(argv[0], lambda: self._run(run, argv), self.scheduler.random.random() * 2)
            task.context = process
            workflow.step.append(task)
            yield [task]
            workflow.step.remove(task)
            if workflow.is_stopped():
                return None
            if task.done and not task.killed:
                if task.result == 0:
                    return process.outputs
                temporary += 1
                if task.result != 75 or temporary > 2:
                    return None
            elif task.done and self.scheduler.random.random() < 0.5:
                return None  # killed for its memory: that is not tried again; a pod that was lost is
            yield 2.0 * 2**attempt
        return None

    def _run(self, run: Callable[[list[str]], None], argv: list[str]) -> int:
        """The exit code that a pod would have; an error that no handler expects is wrong."""
        try:
            contracts.main(run, argv)
        except SystemExit as ended:
            return int(ended.code or 0)
        except Killed:
            raise
        except Exception as error:
            self.world.watch.wrong(f"{argv[0]} ended with {type(error).__name__}: {error}")
            return 1
        return 0
