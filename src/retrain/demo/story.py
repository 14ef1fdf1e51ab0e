"""The whole path on real data: flights of 2013 land by upload, are asked for by webhook, and found by schedule."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from localargo import InvalidInput, LocalArgoError, Unavailable
from retrain.client import workflows
from retrain.client.connect import argo_server, bucket_environment, bucket_of, local_engine
from retrain.client.protocol import Doc
from retrain.demo import flights
from retrain.demo.transcript import Transcript
from retrain.display import tree
from retrain.display.output import ago
from retrain.display.picture import live
from retrain.display.tables import answered
from retrain.project import packaged
from retrain.project.begin import begin
from retrain.project.files import write
from retrain.project.questions import ask

MODEL = "flight-delay"
WIDTH = 100  # columns of the tables and sentences at the end, which README.md shows


def play(state: Path, keep: bool) -> None:
    """Tell the story on a new state folder; with `keep` the engine runs on until Ctrl-C."""
    started = time.monotonic()
    start_anew(state)
    transcript = Transcript(state)
    transcript.say("data", "splitting the flights of 2013 by month")
    months = flights.months(state / "months", 4)
    with _engine(state, _project(state), transcript) as engine:
        upload(transcript, state, months[:3])
        webhook(transcript, state)
        schedule(transcript, state, months[3])
        summary(transcript, state)
        transcript.say("done", f"in {ago(time.monotonic() - started)}")
        for line in _next(state, keep):
            transcript.say("next", line)
        if keep:
            transcript.say("engine", f"still running on {state}; Ctrl-C stops it")
            engine.wait()


def _next(state: Path, keep: bool) -> list[str]:
    """What to try now: on the engine that goes on, or without one."""
    if keep:
        return [
            f"`retrain runs --state {state}`, `retrain why {MODEL} --state {state}` in another terminal",
            f"`retrain submit {MODEL} --now --reason 'to see it run' --watch --state {state}` trains once more",
        ]
    return [
        "`retrain demo --keep` leaves the engine running, to look around",
        "`retrain new NAME FILE...` writes the spec of a model of your own: docs/tutorial/your-own-data.md",
    ]


def start_anew(state: Path) -> None:
    """Remove what an earlier demo left; one that still runs is stopped first. Raises InvalidInput for a folder of anything else."""
    if state.is_dir() and any(state.iterdir()) and not (state / "months").is_dir():
        raise InvalidInput(f"{state}: this is not the state of a demo, and a demo removes its state at every start; name a new folder")
    if (state / "engine.sock").exists():
        with suppress(Unavailable):
            local_engine(state).shut_down(state)
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir(parents=True)


def _project(state: Path) -> Path:
    """Where the model is: here in a clone, elsewhere in a project that is made for it."""
    spec = Path("models", f"{MODEL}.yaml")
    if spec.is_file():
        return Path()
    folder = state / "project"
    begin(folder)
    write(folder / spec, (packaged.root() / spec).read_text(encoding="utf-8"))
    return folder


@contextmanager
def _engine(state: Path, project: Path, transcript: Transcript) -> Iterator[subprocess.Popen[str]]:
    """`retrain up` in a process of its own; stopped at the end, whatever happens."""
    command = [sys.executable, "-P", "-m", "retrain.cli", "up", "--ports", "free", "--state", str(state.resolve())]
    log = state / "up.log"
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True)
    try:
        line = process.stdout.readline() if process.stdout else ""
        if line.strip() != "ready":
            raise LocalArgoError(f"the engine did not start:\n{log.read_text(encoding='utf-8')[-2000:]}")
        transcript.say("engine", f"ready on {state}, bucket and webhook on loopback")
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


def upload(transcript: Transcript, state: Path, months: list[Path]) -> None:
    """January to March are uploaded with boto3; the bucket's events start one run."""
    transcript.say("upload", f"{', '.join(m.name for m in months)} to incoming/{MODEL}/ by boto3")
    bucket = bucket_of(state)
    for month in months:
        bucket.upload(month, f"incoming/{MODEL}/{month.name}")
    _follow(transcript, state, "upload")


def webhook(transcript: Transcript, state: Path) -> None:
    """Somebody asks while the data is unchanged: answered in seconds."""
    import httpx

    environment = local_engine(state).info()["environment"]
    transcript.say("webhook", 'POST /retrain {"model": "flight-delay", "reason": "does anything change?"}')
    answer = httpx.post(
        environment["RETRAIN_WEBHOOK_URL"],
        json={"model": MODEL, "reason": "does anything change?"},
        headers={"Authorization": f"Bearer {environment['RETRAIN_WEBHOOK_TOKEN']}"},
    )
    answer.raise_for_status()
    _follow(transcript, state, "webhook")


def schedule(transcript: Transcript, state: Path, month: Path) -> None:
    """April lands while the bucket source is paused; the model's own schedule finds it."""
    engine = local_engine(state)
    engine.set_source("bucket", "pause")
    transcript.say("schedule", f"{month.name} is uploaded while the bucket source is paused; then `retrain tick {MODEL}`")
    bucket_of(state).upload(month, f"incoming/{MODEL}/{month.name}")
    engine.tick(MODEL)
    _follow(transcript, state, "schedule")


def _follow(transcript: Transcript, state: Path, trigger: str) -> None:
    """Show the runs of a trigger (a burst may have started two) until they end, draw the newest, and raise if one has failed."""
    server = argo_server(state)
    runs: dict[str, Doc] = {}
    began = time.monotonic()
    with live(" " * 11) as show:
        for change in server.watch():
            metadata = change.workflow["metadata"]
            if (metadata.get("labels") or {}).get("retrain/trigger") != trigger:
                continue
            if metadata["name"] not in runs:
                transcript.say("run", metadata["name"])
            runs[metadata["name"]] = change.workflow
            show(change.workflow)
            if all(workflows.phase(run) in workflows.ENDED for run in runs.values()):
                break
    last = server.workflow(list(runs)[-1])
    for line in tree.lines(last):
        transcript.show(" " * 11 + line)
    for node in last["status"]["nodes"].values():
        outputs = {p["name"]: p.get("value", "") for p in (node.get("outputs") or {}).get("parameters") or []}
        if node.get("displayName") == "fetch" and "reason" in outputs:
            transcript.say("decision", f"{outputs['decision']}: {outputs['reason']}")
    transcript.say("", f"{ago(time.monotonic() - began)} after the event")
    failed = [name for name, run in runs.items() if workflows.phase(run) != "Succeeded"]
    if failed:
        raise LocalArgoError(f"{failed[0]} failed: `retrain get {failed[0]}` and `retrain logs {failed[0]}` show more")


def summary(transcript: Transcript, state: Path) -> None:
    """Runs and trials with their intervals, the report, and why the champion is the champion."""
    bucket = bucket_environment(state)
    judged = [row["run"] for row in json.loads(ask(bucket, "runs", MODEL))["runs"] if row["trials"]]
    transcript.show()
    transcript.say("runs")
    transcript.show(_answered(bucket, "runs", MODEL))
    for run in reversed(judged):
        transcript.say("trials", f"of {run}")
        transcript.show(_answered(bucket, "trials", run))
    transcript.say("report", str(_report(state, judged[0])))
    transcript.say("why")
    transcript.show(_answered(bucket, "any", MODEL))


def _answered(bucket: Mapping[str, str], *arguments: str) -> str:
    return "\n".join(answered(json.loads(ask(bucket, *arguments, output="shown")), WIDTH))


def _report(state: Path, run: str) -> Path:
    """The HTML report of a run, copied from the bucket."""
    path = (state / "report.html").resolve()
    bucket_of(state).download(f"runs/{MODEL}/{run}/report.html", path)
    return path
