"""The whole path on real data: 336,776 flights of 2013 land by upload, are asked for by webhook, and found by schedule."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from localargo import InvalidInput, LocalArgoError, Unavailable
from retrain.cli import tree
from retrain.cli.client import Client
from retrain.cli.engine_verbs import shut_down
from retrain.cli.event_verbs import bucket_of
from retrain.cli.model_verbs import ask
from retrain.cli.options import state_of
from retrain.cli.output import ago
from retrain.demo import flights

MODEL = "flight-delay"
Doc = dict[str, Any]


@click.command()
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".retrain/demo"),
    show_default=True,
    callback=state_of,
    help="Made afresh at every start.",
)
@click.option("--keep", is_flag=True, help="Leave the engine running at the end, to look around.")
def demo(state: Path, keep: bool) -> None:
    """Real flights land in a bucket; a model is trained, compared and promoted. Under 3 minutes.

    \b
    retrain demo
    retrain demo --keep    # then: eval "$(retrain env --state .retrain/demo)"
    """
    started = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped then, too
    if not Path("models/flight-delay.yaml").exists():
        raise click.UsageError("no models/flight-delay.yaml here: run the demo in a clone of the repository")
    _afresh(state)
    _say("data", "splitting the flights of 2013 by month")
    months = flights.months(state / "months", 4)
    with _engine(state) as engine:
        client = Client(state)
        upload(client, state, months[:3])
        webhook(client)
        schedule(client, state, months[3])
        summary(state)
        _say("done", f"in {ago(time.monotonic() - started)}")
        if keep:
            _say("engine", f"still running on {state}; Ctrl-C stops it")
            engine.wait()


def _say(what: str, text: str) -> None:
    click.echo(click.style(f"{what:>9}  ", fg="cyan", bold=True) + text)


def _afresh(state: Path) -> None:
    """Remove what an earlier demo left; one that still runs is stopped first. Raises InvalidInput for a folder of anything else."""
    if state.is_dir() and any(state.iterdir()) and not (state / "months").is_dir():
        raise InvalidInput(f"{state}: not the state of a demo, which is removed at every start; name a new folder")
    if (state / "engine.sock").exists():
        with suppress(Unavailable):
            shut_down(state)
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir(parents=True)


@contextmanager
def _engine(state: Path) -> Iterator[subprocess.Popen[str]]:
    """`retrain up` in a process of its own; stopped at the end, whatever happens."""
    command = [sys.executable, "-m", "retrain.cli", "up", "overlays/laptop", "--ports", "free", "--state", str(state)]
    log = state / "up.log"
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True)
    try:
        line = process.stdout.readline() if process.stdout else ""
        if line.strip() != "ready":
            raise LocalArgoError(f"the engine did not start:\n{log.read_text(encoding='utf-8')[-2000:]}")
        _say("engine", f"ready on {state}, bucket and webhook on loopback")
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


def upload(client: Client, state: Path, months: list[Path]) -> None:
    """January to March are put with boto3; the bucket's events start one run."""
    _say("upload", f"{', '.join(m.name for m in months)} to incoming/{MODEL}/ by boto3")
    bucket = bucket_of(state)
    for month in months:
        bucket.upload(month, f"incoming/{MODEL}/{month.name}")
    _follow(client, "upload")


def webhook(client: Client) -> None:
    """Somebody asks over unchanged data: answered in seconds."""
    import httpx

    environment = client.call("GET", "/localargo/v1/info")["environment"]
    _say("webhook", 'POST /retrain {"model": "flight-delay", "reason": "does anything change?"}')
    answer = httpx.post(
        environment["RETRAIN_WEBHOOK_URL"],
        json={"model": MODEL, "reason": "does anything change?"},
        headers={"Authorization": f"Bearer {environment['RETRAIN_WEBHOOK_TOKEN']}"},
    )
    answer.raise_for_status()
    _follow(client, "webhook")


def schedule(client: Client, state: Path, month: Path) -> None:
    """April lands while nothing listens; the clock's tick finds it."""
    client.call("PUT", "/localargo/v1/sources/bucket/pause")
    _say("schedule", f"{month.name} is put while the bucket source is paused; then `retrain tick nightly`")
    bucket_of(state).upload(month, f"incoming/{MODEL}/{month.name}")
    client.call("POST", "/localargo/v1/tick/nightly")
    _follow(client, "schedule")


def _follow(client: Client, trigger: str) -> Doc:
    """Wait for the newest run of a trigger (all of them, should a burst have made two), draw it, and fail where it failed."""
    done: dict[str, Doc] = {}
    began = time.monotonic()
    for event in client.events("/api/v1/workflow-events/{ns}"):
        workflow = event.get("result", event)["object"]
        if (workflow["metadata"].get("labels") or {}).get("retrain/trigger") != trigger:
            continue
        name = workflow["metadata"]["name"]
        if name not in done:
            _say("run", name)
        done[name] = workflow
        if all((w.get("status") or {}).get("phase") in ("Succeeded", "Failed", "Error") for w in done.values()):
            break
    last = list(done.values())[-1]
    last_seen = client.workflow(last["metadata"]["name"])
    for line in tree.lines(last_seen):
        click.echo(" " * 11 + line)
    for node in last_seen["status"]["nodes"].values():
        outputs = {p["name"]: p.get("value", "") for p in (node.get("outputs") or {}).get("parameters") or []}
        if node.get("displayName") == "fetch" and "reason" in outputs:
            _say("decision", f"{outputs['decision']}: {outputs['reason']}")
    _say("", f"{ago(time.monotonic() - began)} after the event")
    failed = [n for n, w in done.items() if w["status"]["phase"] != "Succeeded"]
    if failed:
        raise LocalArgoError(f"{failed[0]} has failed: `retrain get {failed[0]}` and `retrain logs {failed[0]}` say more")
    return last


def summary(state: Path) -> None:
    """Runs and trials with their intervals, the report, and why the champion is the champion."""
    runs = json.loads(ask(state, "runs", MODEL))["runs"]
    judged = [row["run"] for row in runs if row["trials"]]
    click.echo()
    _say("runs", "")
    click.echo(ask(state, "runs", MODEL, output="text"))
    for run in reversed(judged):
        _say("trials", f"of {run}")
        click.echo(ask(state, "trials", run, output="text"))
    _say("report", str(_report(state, judged[0])))
    _say("why", "")
    click.echo(ask(state, "any", MODEL, output="text"))


def _report(state: Path, run: str) -> Path:
    """The HTML report of a run, copied from the bucket."""
    path = (state / "report.html").resolve()
    bucket_of(state).download(f"runs/{MODEL}/{run}/report.html", path)
    return path
