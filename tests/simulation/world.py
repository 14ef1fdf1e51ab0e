"""One simulated history: somebody changes the data, events tell of it or do not, Workflows run the real handlers, and things go wrong.

The Workflows are those of workflowtemplates/ in short: the same steps, arguments, conditions, retries and names.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from handlers import contracts, evaluate, fetch, heal, promote, train, transform
from handlers.modelspec.grid import expand
from handlers.modelspec.parse import parse
from handlers.runs import snapshots, trained
from handlers.storage import canonical_json
from tests.simulation.bucket import PAGE, Bucket, Connection, Faults
from tests.simulation.scheduler import Flow, Killed, Scheduler, Task
from tests.simulation.stand_ins import Here, Process
from tests.simulation.watch import Watch

MODEL = "m"
SPEC = """apiVersion: retrain/v1
kind: Model
metadata: {name: m}
spec:
  task: binary
  data:
    sources: {incoming: {prefix: incoming/m/, format: csv, columns: {at: timestamp, x: float, late: boolean}}}
    target: {column: late}
    split: {by: time, column: at, gap: 1d, valid: 3d, test: 4d}
  features: {x: {type: number}}
  model: {estimator: sklearn.linear_model.SGDClassifier, params: {loss: log_loss}}
  search: {grid: {alpha: ALPHAS}}
  trigger: {quiet: 5s, at_most: 1m}
  evaluate: {select_by: roc_auc}
  promote: {gate: {metric: roc_auc, at_least: 0.6}}
"""
TICK = 900.0
TICKS = 40  # heal ticks after the last change at the most
LASTLY = 2  # of them, after all is done
ATTEMPTS = 9
AGAIN = ["--again-out", "again", "--event-out", "event"]
Step = Generator[Any, Any, "dict[str, str] | None"]


class Asked:
    """A spec with so many trials, as its steps get it and as the heal tick reads it from a folder."""

    def __init__(self, trials: int, folder: Path) -> None:
        text = SPEC.replace("ALPHAS", str([0.001, 0.01][:trials]))
        self.folder = folder
        folder.mkdir()
        (folder / f"{MODEL}.yaml").write_text(text, encoding="utf-8")
        self.spec = parse(text, f"{MODEL}.yaml")
        self.text = canonical_json(self.spec.tree())
        self.trials = [canonical_json({"id": trial.id, "params": trial.params}) for trial in expand(self.spec)]


@dataclass(frozen=True, slots=True)
class Change:
    """`content` is put under `key` so many seconds after the change before it; None deletes."""

    after: float
    key: str
    content: bytes | None


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


def history_of(random: Random) -> list[Change]:
    """Uploads, overwrites, the same bytes again, deletions; the last change is an upload of something new."""
    found: list[Change] = []
    there: dict[str, bytes] = {}
    for number in range(random.choice((1, 1, 2, 2, 3, 4))):
        key = random.choice("ab")
        what = random.random()
        content: bytes | None = b"content %d" % number
        if key in there and what < 0.25:
            content = there[key]
        elif key in there and what < 0.45:
            content = None
        if content is None:
            del there[key]
        else:
            there[key] = content
        found.append(Change(random.choice((0.0, 1.0, 4.0, 8.0, 15.0, 40.0, 120.0, 400.0, 2000.0)), key, content))
    return [*found, Change(random.choice((0.0, 3.0, 12.0, 100.0, 1000.0)), random.choice("ab"), b"the last")]


class World:
    """A seed's history. `quiet`: nothing goes wrong, each change is told of once and comes after everything before it has ended."""

    def __init__(self, seed: int, asked: Sequence[Asked], changes: Sequence[Change] | None = None) -> None:
        self.seed = seed
        self.quiet = changes is not None
        self.random = Random(seed)
        self.asked = asked[self.random.randrange(len(asked))]
        self.changes = history_of(self.random) if changes is None else list(changes)
        self.scheduler = Scheduler(self.random)
        self.bucket = Bucket(lambda: self.scheduler.now, 2 if self.random.random() < 0.2 else PAGE)
        chance = 0.0 if self.quiet else self.random.choice((0.0, 0.003, 0.01, 0.03))
        self.faults = Faults(self.random, chance, self.random.randrange(3))
        self.skew = 0.0 if self.quiet else self.random.choice((0.0, 0.0, 30.0, -30.0))
        self.names: set[str] = set()
        self.active: list[Workflow] = []
        self.ended = 0
        self.watch = Watch(self.bucket, MODEL, len(self.asked.trials), lambda: self.scheduler.now)

    def play(self) -> Watch:
        """Everything from the first change to the last tick."""
        Here.scheduler = self.scheduler
        self.scheduler.start("changes", self._changes())
        self.scheduler.run()
        return self.watch

    # what happens outside

    def _changes(self) -> Flow:
        for change in self.changes:
            if self.quiet:
                while self.active:
                    yield 60.0
            yield change.after
            key = f"incoming/{MODEL}/{change.key}.csv"
            if change.content is None:
                self.bucket.delete(key)
            else:
                self.bucket.put(key, change.content)
            for late in self._told():
                self.scheduler.start("event", self._event(late, self.scheduler.now))
        self.scheduler.start("ticks", self._ticks())

    def _told(self) -> list[float]:
        """How late each notification of a change comes: none when it is lost, two when it is doubled."""
        if self.quiet:
            return [0.0]
        if self.random.random() < 0.15:
            return []
        return [self.random.choice((0.0, 1.0, 5.0, 12.0, 25.0, 300.0)) for _ in range(self.random.choice((1, 1, 1, 2, 3)))]

    def _event(self, late: float, at: float) -> Flow:
        yield late
        # most sources give an event the time at which they pass it on, by their own clock
        window = int((self.scheduler.now if self.random.random() < 0.7 else at) + self.skew) // 10
        self._create(f"retrain-{MODEL}-{window}", str(window))

    def _ticks(self) -> Flow:
        if not self.quiet:
            yield self.random.random() * TICK
        lastly = 0
        for _ in range(TICKS):
            done = not self.active and self.state_is_trained()
            lastly = lastly + 1 if done else 0
            if lastly > LASTLY:
                return
            window = int(self.scheduler.now + self.skew) // 10
            yield self.scheduler.start("heal", self._heal(Workflow(f"heal-{window}", self.scheduler.now), window))
            yield TICK

    def state_is_trained(self) -> bool:
        taken = snapshots.look(self.bucket, self.asked.spec)
        return trained.run_of(self.bucket, MODEL, trained.named(self.asked.spec, taken.digest).digest) is not None

    def _create(self, name: str, window: str = "", event: str = "") -> None:
        """A name that exists is refused, as an API server does."""
        if name in self.names:
            return
        self.names.add(name)
        workflow = Workflow(name, self.scheduler.now, window, event)
        self.active.append(workflow)
        self.scheduler.start(name, self._whole(workflow))
        if not self.quiet and self.faults.harm > 0 and self.random.random() < 0.06:
            self.faults.harm -= 1
            self.scheduler.start("somebody", self._stop(workflow))

    def _stop(self, workflow: Workflow) -> Flow:
        yield self.random.choice((1.0, 10.0, 60.0, 600.0))
        if workflow in self.active:
            workflow.stopped = self.random.choice(("stop", "terminate"))
            self.faults.happened.append(f"{workflow.stopped} {workflow.name}")
            for task in workflow.step:
                self.scheduler.kill(task)

    # the Workflows

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
            outs = ["--decision-out", "decision", "--snapshot-out", "snapshot", "--reason-out", "reason"]
            found = yield from self._step(workflow, fetch.run, ["snapshot", *common, "--event", workflow.event, *outs])
            phase["fetch"] = "Succeeded" if found else "Failed"
            decision = found["decision"] if found else ""
        if decision == "train":
            assert found is not None
            argv = [*common, "--snapshot", found["snapshot"], "--dataset-out", "dataset", "--summary-out", "summary"]
            made = yield from self._step(workflow, transform.run, [*argv, "--decision-out", "decision"])
            phase["transform"] = "Succeeded" if made else "Failed"
            dataset = made["dataset"] if made and made["decision"] == "train" else ""
        if dataset:
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
        self._again(workflow, (yield from self._step(workflow, promote.run, argv)))

    def _again(self, workflow: Workflow, outputs: dict[str, str] | None) -> None:
        if outputs is not None and outputs.get("again") == "yes":
            self._create(f"retrain-{MODEL}-after-{int(workflow.created)}", event=outputs["event"])

    def _settle(self, workflow: Workflow, common: list[str]) -> Generator[Any, Any, bool]:
        since = str(int(workflow.created + self.skew))
        argv = [
            "look",
            *common,
            "--quiet",
            self.asked.spec.trigger.quiet,
            "--at-most",
            self.asked.spec.trigger.at_most,
            "--window",
            workflow.window,
            "--event",
            workflow.event,
        ]
        for _ in range(90):
            found = yield from self._step(workflow, fetch.run, [*argv, "--since", since, "--quiet-out", "quiet", "--wait-out", "wait"])
            if found is None:
                return False
            if found["quiet"] == "yes":
                break
            yield float(found["wait"].removesuffix("s"))
            if workflow.stopped:
                return False
        return True

    def _heal(self, workflow: Workflow, window: int) -> Flow:
        argv = ["--models", str(self.asked.folder), "--window", str(window), "--starts-out", "starts"]
        found = yield from self._step(workflow, heal.run, argv)
        for start in json.loads(found["starts"]) if found else ():
            self._create(start["name"], event=start["event"])

    def _steps(
        self, workflow: Workflow, run: Callable[[list[str]], None], asked: list[list[str]]
    ) -> Generator[Any, Any, list[dict[str, str]]]:
        """Steps side by side; what those that succeeded have put out."""
        found: list[dict[str, str] | None] = [None] * len(asked)

        def one(place: int) -> Flow:
            found[place] = yield from self._step(workflow, run, asked[place])

        yield [self.scheduler.start("one", one(place)) for place in range(len(asked))]
        return [each for each in found if each is not None]

    def _step(self, workflow: Workflow, run: Callable[[list[str]], None], argv: list[str]) -> Step:
        """A pod with the retries of workflowtemplates/step.yaml; its outputs, None when it has failed."""
        temporary = 0
        for attempt in range(ATTEMPTS):
            if workflow.stopped:
                return None
            process = Process(self.scheduler, Connection(self.bucket, self.scheduler, self.faults))
            task = self.scheduler.spawn(argv[0], lambda: self._run(run, argv), self.random.random() * 2)
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
            elif task.done and self.random.random() < 0.5:
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
            self.watch.wrong(f"{argv[0]} ended with {type(error).__name__}: {error}")
            return 1
        return 0
