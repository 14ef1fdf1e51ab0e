"""`retrain backfill`."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from localargo import InvalidInput, NotFound, Unavailable
from retrain.cli import completion
from retrain.cli.options import output_option, place_option
from retrain.client.connect import argo_server, beside, bucket_environment, models, spec_files
from retrain.client.place import Place
from retrain.client.protocol import ArgoServer
from retrain.client.webhook import Webhook, webhook_of
from retrain.client.workflows import until_ended
from retrain.display import output as printing
from retrain.project.questions import ask

LONGEST_NAME = 32  # of a model in a past run's name, which with instant and window becomes a label of at most 63 characters
APPEARS_SECONDS = 120.0
LOOK_SECONDS = 0.5
BUSY_SECONDS = 10.0
Step = dict[str, Any]


@click.command()
@click.argument("model", shell_complete=completion.models)
@click.option("--from", "first", required=True, metavar="TIME", help="The first past state: 2026-03-01 or 2026-03-01T12:00:00Z (UTC).")
@click.option("--to", "last", required=True, metavar="TIME", help="The last one.")
@click.option("--every", default="7d", show_default=True, metavar="DURATION", help="How far apart they are.")
@click.option("--promote", is_flag=True, help="Let each run move the champion, as if it had run then. Without it none does.")
@click.option("--dry-run", is_flag=True, help="Say what would be asked for, and what has been done already.")
@click.option("--url", envvar="RETRAIN_WEBHOOK_URL", help="The webhook's address; the embedded engine's is known.")
@click.option("--token", envvar="RETRAIN_WEBHOOK_TOKEN", help="The webhook's token; the embedded engine's is known.")
@output_option("text")
@place_option
def backfill(
    model: str,
    first: str,
    last: str,
    every: str,
    promote: bool,
    dry_run: bool,
    url: str | None,
    token: str | None,
    output: str,
    place: Place,
) -> None:
    """Train a model on past states of its data, one run after the other: what would it have been then, and how good?

    Each state is asked for by one CloudEvent at the webhook. What has been judged already is not run again, so the same command, called
    again, goes on where it was stopped. `retrain runs MODEL` and `retrain why RUN` show the verdicts.

    \b
    retrain backfill flight-delay --from 2013-03-01 --to 2013-05-01 --every 14d --dry-run
    """
    plan = Plan(place, model, ["--from", first, "--to", last, "--every", every, *(["--promote"] if promote else [])])
    steps = plan.steps()
    if dry_run:
        _print(model, steps, output)
        return
    hook = webhook_of(place, url, token)
    try:
        for number, step in enumerate(steps, 1):
            if not step["outcome"]:
                with Told(f"{number} of {len(steps)}: as of {step['as_of']}", quiet=output != "text"):
                    step = steps[number - 1] = _carried_out(place, plan, hook, step)
            if output == "text":
                click.echo(line(step))
            if step["outcome"] == "deferred":
                raise Unavailable(f"as of {step['as_of']}: {step['reason']}; the same command goes on then")
    except KeyboardInterrupt:
        click.echo("a run that has begun goes on; the same command goes on with the rest", err=True)
        raise
    if output != "text":
        _print(model, steps, output)
    failed = [step["as_of"] for step in steps if step["outcome"] in ("failed", "no-data", "")]
    if failed:
        raise InvalidInput(
            f"{printing.counted(len(failed), 'past state')} came to nothing: {', '.join(failed[:5])}; call it again to try again"
        )


class Plan:
    """The past states of a backfill, as the handler that knows specs and bucket tells them."""

    def __init__(self, place: Place, model: str, options: list[str]) -> None:
        files = spec_files(place) or {}
        if f"{model}.yaml" not in files:
            known = ", ".join(models(place) or ()) or "none yet"
            raise NotFound(f"there is no model {model!r}; there are: {known}. `retrain apply` loads the specs of models/ into an engine")
        self._bucket = bucket_environment(place)
        self._arguments = [model, "--spec", files[f"{model}.yaml"], *beside(files, model), *options]

    def steps(self) -> list[Step]:
        return list(json.loads(ask(self._bucket, *self._arguments, handler="backfill"))["steps"])

    def run(self, name: str) -> dict[str, Any]:
        """What has come of a run."""
        return dict(json.loads(ask(self._bucket, "run", name)))


class Told:
    """At a terminal, what is under way, in a line that goes away again; elsewhere nothing."""

    def __init__(self, text: str, *, quiet: bool) -> None:
        self._text = "" if quiet or not sys.stderr.isatty() else text

    def __enter__(self) -> None:
        if self._text:
            click.echo(f"\r{self._text} ...", err=True, nl=False)

    def __exit__(self, *ended: object) -> None:
        if self._text:
            click.echo("\r" + " " * (len(self._text) + 4) + "\r", err=True, nl=False)


def _carried_out(place: Place, plan: Plan, hook: Webhook, step: Step) -> Step:
    """Ask for a past state, unless its run is under way, and wait for that run's end; again while another run trains the model."""
    server = argo_server(place)
    while True:
        name = step["run"] or _asked(server, hook, step["event"])
        until_ended(server, name)
        found = plan.run(name)
        if found["outcome"] == "running":
            found = {"outcome": "failed", "reason": f"run {name} has ended without a result: `retrain retry {name}`"}
        if found["outcome"] != "busy":
            return {**step, "run": name, "outcome": found["outcome"], "reason": found["reason"]}
        step = {**step, "run": ""}
        time.sleep(BUSY_SECONDS)


def _asked(server: ArgoServer, hook: Webhook, event: Mapping[str, Any]) -> str:
    """Post an event; the name of the Workflow that it has started."""
    prefix = named(event["data"]["model"], event["data"]["as_of"])

    def names() -> set[str]:
        found = (workflow["metadata"]["name"] for workflow in server.workflows("retrain/trigger=webhook").items)
        return {name for name in found if name.startswith(prefix)}

    before = names()
    hook.post(event)
    end = time.monotonic() + APPEARS_SECONDS
    while not (new := names() - before):
        if time.monotonic() > end:
            nothing = f"no Workflow {prefix}... has come in {APPEARS_SECONDS:.0f} s"
            raise Unavailable(f"the event is on the bus, but {nothing}: `retrain events` says why")
        time.sleep(LOOK_SECONDS)
    return min(new)


def named(model: str, as_of: str) -> str:
    """What the name of a past state's run begins with: sensors/trigger.yaml names it so."""
    short = f"{model[: LONGEST_NAME - 9]}-{hashlib.sha256(model.encode()).hexdigest()[:8]}" if len(model) > LONGEST_NAME else model
    epoch = round(datetime.strptime(as_of, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())
    return f"retrain-{short}-{epoch}-"


def line(step: Step) -> str:
    """ "2026-03-01T00:00:00Z  backfilled  retrain-m-1772323200-177232320  as of ..." of a past state."""
    came = step["outcome"] or ("under way" if step["run"] else "to do")
    return f"{step['as_of']}  {came:<15} {step['run'] or '-'}  {step['reason']}".rstrip()


def _print(model: str, steps: list[Step], output: str) -> None:
    if output != "text":
        printing.emit({"model": model, "steps": steps}, output)
        return
    for step in steps:
        click.echo(line(step))
