"""The real handlers in a simulated world: what computes, waits and reads files is replaced, what decides and writes is not.

Replaced are making parts (an object of the bucket is read and named, no row is parsed), training and scoring (a trial learns the digest of
its dataset), the comparison (whoever is not the champion wins, so that the last one who is judged is seen), the report's page, the threads
of the heartbeat, and the handlers' own clock, files and exit. Everything of handlers/runs and every `run` of a step is the real thing.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from types import SimpleNamespace, TracebackType
from typing import Any
from unittest.mock import patch

from handlers import contracts, evaluate, failures, fetch, grid, heal, notify, promote, train, transform
from handlers.contracts import Stopped
from handlers.data import contents, making
from handlers.events import receivers
from handlers.models import training
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.parse import load, parse
from handlers.runs import batches, claim, pacing, snapshots, trained, trials
from handlers.runs.comparison import choose
from handlers.storage import Changed, Store, Temporary, digest, read_json, write_once
from tests.simulation.rules import ROWS, Receiver
from tests.simulation.scheduler import Scheduler

BEAT = 240.0  # seconds between heartbeats: the real ones are closer together, and more of them would only cost turns
COMPUTES = (1.0, 30.0, 400.0)  # seconds that a training takes


class Process:
    """One attempt of a step: its connection to the bucket, and the output parameters that it has written."""

    def __init__(self, scheduler: Scheduler, store: Store) -> None:
        self.scheduler = scheduler
        self.store = store
        self.outputs: dict[str, str] = {}
        self.superseded = ""


class Here:
    """Whose turn it is, for code that asks the environment."""

    scheduler: Scheduler
    receiver: Receiver

    @classmethod
    def process(cls) -> Process:
        assert cls.scheduler.current is not None
        found: Process = cls.scheduler.current.context
        return found


def open_store(*, patient: bool = True) -> Store:
    return Here.process().store


def write_output(path: str | None, text: str) -> None:
    if path:
        Here.process().outputs[path] = text


class Heartbeat:
    """`claim.Heartbeat` with a task for its thread, and a word for its signal."""

    def __init__(self, store: Store, model: str, run: str, *, stops: bool = False) -> None:
        self._asked = (store, model, run)
        self._stops = stops

    @property
    def superseded(self) -> str:
        return Here.process().superseded

    def __enter__(self) -> Heartbeat:
        scheduler = Here.scheduler
        assert scheduler.current is not None
        self._task = scheduler.spawn("heartbeat", self._beats)
        self._task.context = scheduler.current.context
        scheduler.current.children.append(self._task)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        Here.scheduler.kill(self._task)
        if kind is None:
            self._beat(waits=True)

    def _beats(self) -> None:
        while self._beat():
            Here.scheduler.pause(BEAT)

    def _beat(self, *, waits: bool = False) -> bool:
        try:
            holds = claim.beat(*self._asked, waits=waits)
            if self._stops and not waits:
                Here.process().superseded = claim.superseded(*self._asked)
            return holds
        except Temporary:
            return True


class Inline:
    """A thread pool that works at once, one after the other."""

    def __init__(self, _at_once: int) -> None: ...
    def __enter__(self) -> Inline:
        return self

    def __exit__(self, *_: object) -> None: ...

    def map(self, work: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        return map(work, items)


def remembered(arguments: Callable[[list[str]], argparse.Namespace]) -> Callable[[list[str]], argparse.Namespace]:
    """The same parser, asked once for each shape of words: building it anew for each step would take longer than the step."""
    shapes: dict[tuple[str, ...], argparse.Namespace] = {}

    def parse(words: Sequence[str]) -> argparse.Namespace:
        first = len(words) % 2  # the name of a step
        shape = (*words[:first], *words[first::2])
        if shape not in shapes:
            shapes[shape] = arguments(list(words))
        found = argparse.Namespace(**vars(shapes[shape]))
        for option, value in zip(words[first::2], words[first + 1 :: 2], strict=True):
            name = option.removeprefix("--").replace("-", "_")
            setattr(found, name, type(getattr(found, name))(value))
        return found

    return parse


def marker(spec: ModelSpec, _name: str, source: Sequence[Any], _code: str, _references: Any) -> str:
    """The key of the marker of an object's part, which is named by its content."""
    return f"parts/{spec.name}/{digest(list(source[1:]))}/parts.json"


def once(pure: Callable[..., Any]) -> Callable[..., Any]:
    """The same function of a spec, which lives as long as the simulation, asked once for the same."""
    known: dict[tuple[Any, ...], Any] = {}

    def ask(spec: ModelSpec, *more: Any) -> Any:
        if (key := (id(spec), *more)) not in known:
            known[key] = pure(spec, *more)
        return known[key]

    return ask


def make_parts(store: Store, spec: ModelSpec, name: str, sources: Sequence[Sequence[Any]], code: str, references: Any) -> list[Any]:
    """A part for each object that has none, read under the content that the snapshot names."""
    found = []
    for source in sources:
        where, (key, _, content) = marker(spec, name, source, code, references), source
        fresh = store.head(where) is None
        if fresh:
            info = store.head(key)
            if info is None:
                raise Changed(key)
            read = hashlib.md5(b"".join(store.chunks(key, info.etag)), usedforsecurity=False).hexdigest()
            if read != content:
                raise Changed(key)
            write_once(store, where, {"content": read})
        found.append(SimpleNamespace(fresh=fresh))
    return found


def make_dataset(store: Store, model: str, spec: ModelSpec, snapshot: str, _as_of: float) -> tuple[Any, dict[str, Any], Any]:
    """The parts of a snapshot, and the dataset of them."""
    taken = snapshots.load(store, model, snapshot)
    make_parts(store, spec, "incoming", taken.objects, "", None)
    parts = sorted(digest(list(source[1:])) for source in taken.objects)
    name = digest([parts, dict(taken.more)])
    write_once(store, f"datasets/{model}/{name}.json", {"parts": parts})
    return dataset_of(name, parts), {}, [(content, ROWS) for _, _, content in taken.objects]


def load_dataset(store: Store, model: str, name: str) -> Any:
    return dataset_of(name, read_json(store, f"datasets/{model}/{name}.json")["parts"])


def dataset_of(name: str, parts: Sequence[str]) -> Any:
    made = [SimpleNamespace(rows=ROWS) for _ in parts]
    return SimpleNamespace(digest=name, parts=made, of_role=lambda _: made)


def learn(
    store: Store, folder: str, _spec: ModelSpec, dataset: Any, params: dict[str, Any], publish: Callable[[Any], None], *_more: Any
) -> Any:
    """A training that takes its time, with a curve and a checkpoint on the way."""
    scheduler = Here.scheduler
    scheduler.pause(scheduler.random.choice(COMPUTES))
    publish([{"epoch": 1, "valid": {}}])
    store.put(f"{folder}/checkpoint/state.zip", b"half")
    if Here.process().superseded:
        raise Stopped("the state is saved")
    scheduler.pause(scheduler.random.choice(COMPUTES))
    return SimpleNamespace(made=digest([dataset.digest, params]))


def trial_document(trial: str, _spec: ModelSpec, dataset: Any, done: Any, params: dict[str, Any]) -> dict[str, Any]:
    found = {"trial": trial, "dataset": dataset.digest, "params": params, "state": done.made}
    return {**found, "estimator": "", "learned": {}, "valid": {}, "rows": ROWS, "epoch": 1, "epochs": 1}


def on_valid(store: Store, model: str, trial: str, spec: ModelSpec, dataset: Any) -> dict[str, Any]:
    write_once(store, f"{trials.folder(model, trial)}/evaluations/valid.json", {"trial": trial})
    return {"metrics": {spec.evaluate.select_by: {"value": int(trial, 16) / 16**16}}}


def verdict(
    store: Store, model: str, spec: ModelSpec, dataset: Any, run: str, scores: Sequence[Mapping[str, Any]], pointer: Any
) -> dict[str, Any]:
    """Whoever is not the champion is better than the champion."""
    best = choose(scores, spec.task, spec.evaluate.select_by)
    before = pointer.record and {k: pointer.record.get(k) for k in ("number", "trial", "run", "dataset")}
    kept = before is not None and before["trial"] == best["trial"]
    return {
        "model": model,
        "run": run,
        "digest": digest([best["trial"], before]),
        "decision": "kept" if kept else "promoted",
        "reason": "",
        "metric": "m",
        "metrics": {"m": {"challenger": {}}},
        "resampled": "",
        "winner": {"trial": best["trial"], "params": {}},
        "champion": before,
        "trials": [{"trial": score["trial"]} for score in scores],
        "dataset": dataset.digest,
    }


def export(store: Store, model: str, trial: str, _spec: ModelSpec, _dataset: Any) -> str:
    write_once(store, f"{trials.folder(model, trial)}/exports/e/export.json", {"trial": trial})
    return "e"


def write_report(store: Store, model: str, run: str, _status: str, _failures: str) -> str:
    key = f"runs/{model}/{run}/report.html"
    store.put(key, b"page")
    return key


def post(_url: str, message: Any, _whole: float = 0.0) -> None:
    Here.receiver.post(message)


def _silent(_event: str, _facts: Mapping[str, Any]) -> None: ...


@contextmanager
def installed() -> Iterator[None]:
    """The stand-ins in their places, for as long as this lasts."""
    with ExitStack() as stack:

        def put(place: Any, **stand_ins: Any) -> None:
            for name, stand_in in stand_ins.items():
                stack.enter_context(patch.object(place, name, stand_in))

        cached = cache(load)
        for module in (fetch, grid, transform, train, evaluate, promote, heal):
            put(module, write_output=write_output)
        for module in (fetch, grid, transform, train, evaluate, promote, heal, notify):
            put(module, arguments=remembered(module.arguments))
        for module in (fetch, transform, train, evaluate, promote, heal, notify, failures):
            put(module, open_store=open_store)
        for module in (fetch, grid, transform, evaluate, promote, receivers):
            put(module, load=cached)
        # pure, and asked for at every step
        put(trained, named=once(trained.named))
        put(pacing, spec_digest=once(pacing.spec_digest))
        put(ModelSpec, tree=once(ModelSpec.tree))
        for module in (transform, train, evaluate, promote):
            put(module, Heartbeat=Heartbeat)
        for module in (train, evaluate, promote):
            put(module, load_dataset=load_dataset)
        put(contents, ThreadPoolExecutor=Inline)
        put(making, ThreadPoolExecutor=Inline, marker=marker, each=make_parts)
        put(batches, LEAST_BYTES=1)
        put(transform, transform=make_dataset, make_arguments=remembered(transform.make_arguments))
        put(notify, post=post, messages=SimpleNamespace(of=lambda event, *_: event), deliver=partial(notify.deliver, clock=lambda: 0.0))
        put(notify, receivers=SimpleNamespace(receiver=lambda *_: SimpleNamespace(url="", key="")))
        put(train, load_spec=cached, check_grid=lambda _spec: None, make=lambda _spec, params: params, _document=trial_document)
        put(train, saved=SimpleNamespace(files=lambda made: {"model.skops": made.encode()}))
        put(training, train=learn)
        put(evaluate, on_valid=on_valid)
        put(promote, on_valid=on_valid, judged=verdict, write_report=write_report)
        put(promote, exports=SimpleNamespace(keep=export))
        put(promote, report_arguments=remembered(promote.report_arguments))
        put(heal, parse=cache(parse))
        put(failures, time=SimpleNamespace(time=lambda: Here.scheduler.now))
        put(contracts, signal=SimpleNamespace(signal=lambda *_: None, SIGTERM=15))
        stack.enter_context(contracts.logged_by(_silent))
        yield
