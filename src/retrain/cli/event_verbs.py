"""Verbs about events: put a file, fire a tick, look at the journal, pause a source."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import click

from localargo import NotFound, Unavailable
from retrain.cli import completion
from retrain.cli.client import Client, up
from retrain.cli.options import output_option, state_option

if TYPE_CHECKING:
    from localargo import S3Bucket


def bucket_environment(state: Path) -> dict[str, str]:
    """The standard AWS variables and RETRAIN_BUCKET of the state's running bucket."""
    file = state / "env.json"
    if not file.exists():
        raise Unavailable(f"no bucket in {state} yet: {up(state)} makes one where a manifest needs it")
    found: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    address = urlsplit(found["AWS_ENDPOINT_URL_S3"])
    try:
        socket.create_connection((str(address.hostname), address.port or 80), timeout=10).close()
    except OSError as error:
        raise Unavailable(f"the bucket in {state} does not run: start it with {up(state)}") from error
    return found


def bucket_of(state: Path) -> S3Bucket:
    """The state's running bucket."""
    from localargo import S3Bucket

    environment = bucket_environment(state)
    return S3Bucket(environment["RETRAIN_BUCKET"], environment)


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--model", shell_complete=completion.models, help="Whose data it is: the objects become incoming/<model>/<file name>.")
@click.option("--key", help="The object's whole key instead (one file).")
@state_option
def put(files: tuple[Path, ...], model: str | None, key: str | None, state: Path) -> None:
    """Put files into the bucket where a model's data lands. Each is an event. Any other S3 client does the same (`retrain env`).

    \b
    retrain put 2013-01.csv 2013-02.csv --model flight-delay
    retrain put 2013-01.csv --key batches/flight-delay/2013/01.csv
    """
    if (model is None) == (key is None):
        raise click.UsageError("whose data is it? Give --model, or --key")
    if key is not None and len(files) > 1:
        raise click.UsageError("--key names one object: give one file")
    if key is not None and any(part in ("", ".", "..") for part in key.split("/")):
        raise click.BadParameter(f"{key!r} has an empty part, `.` or `..`", param_hint="--key")
    bucket = bucket_of(state)
    if model is not None:
        _known(model, state)
    for file in files:
        to = key or f"incoming/{model}/{file.name}"
        bucket.upload(file, to)
        click.echo(f"{file} -> s3://{bucket.name}/{to} ({file.stat().st_size} bytes)")


def _known(model: str, state: Path) -> None:
    """Refuse a model whose spec the engine does not have; manifests without the ConfigMap `models` know best themselves."""
    there = Client(state).models()
    if there is not None and model not in there:
        known = ", ".join(there) or "none yet"
        raise NotFound(f"the engine has no model {model!r}; there are: {known}. `retrain apply` loads the specs of models/")


@click.command()
@click.argument("event")
@state_option
def tick(event: str, state: Path) -> None:
    """Fire a calendar event by hand, as EVENT or SOURCE/EVENT.

    \b
    retrain tick nightly
    """
    fired = Client(state).call("POST", f"/localargo/v1/tick/{quote(event)}")
    click.echo(f"event {fired['id']} of {fired['source']}/{fired['subject']}")


@click.group(invoke_without_command=True)
@click.option("--limit", default=20, show_default=True, help="How many, newest first.")
@output_option("table", "wide")
@state_option
@click.pass_context
def events(ctx: click.Context, limit: int, output: str, state: Path) -> None:
    """The journal of events, and how far each Sensor trigger has come.

    \b
    retrain events
    retrain events get 3f0c9a -o json > event.json
    """
    if ctx.invoked_subcommand:
        return
    told = Client(state).call("GET", "/localargo/v1/events", limit=str(limit))
    from retrain.cli.output import emit, plain, table

    if output in ("json", "yaml"):
        emit(told, output)
        return
    wide = output == "wide"
    rows = [[e["id"], e["source"], e["subject"], e["time"], *([e["type"], _short(e.get("data"))] if wide else [])] for e in told["events"]]
    table(["ID", "SOURCE", "EVENT", "TIME", *(["TYPE", "DATA"] if wide else [])], rows)
    click.echo()
    table(
        ["SENSOR", "TRIGGER", "WAITING", "LAST REFUSAL"],
        [[t["sensor"], t["trigger"], str(t["lag"]), plain(t.get("error") or "")] for t in told["triggers"]],
    )


def _short(data: Any) -> str:
    from retrain.cli.output import plain

    text = plain(data if isinstance(data, str) else json.dumps(data, ensure_ascii=False))
    return text if len(text) <= 160 else text[:159] + "…"


@events.command(name="get")
@click.argument("event_id")
@output_option("json")
@state_option
def get_event(event_id: str, output: str, state: Path) -> None:
    """One recorded event, ready for `retrain replay`; the beginning of its id will do.

    \b
    retrain events get 3f0c9a -o json > event.json
    """
    from retrain.cli.output import emit

    try:
        emit(Client(state).call("GET", f"/localargo/v1/events/{quote(event_id, safe='')}"), output)
    except NotFound as error:
        raise NotFound(f"{error}: `retrain events` shows those there are") from error


@click.group(invoke_without_command=True)
@output_option("table")
@state_option
@click.pass_context
def sources(ctx: click.Context, output: str, state: Path) -> None:
    """The EventSources that are running; pause and resume them.

    \b
    retrain sources
    retrain sources pause bucket
    """
    if ctx.invoked_subcommand:
        return
    from retrain.cli.output import emit, table

    told: list[dict[str, Any]] = Client(state).call("GET", "/localargo/v1/info").get("sources") or []
    if output in ("json", "yaml"):
        emit(told, output)
        return
    table(
        ["SOURCE", "EVENT", "TYPE", "STATE", "WHERE"],
        [[s["source"], s["event"], s["type"], s["state"], s.get("where") or ""] for s in told],
    )


def _source(name: str, verb: str, state: Path) -> None:
    try:
        Client(state).call("PUT", f"/localargo/v1/sources/{quote(name, safe='')}/{verb}")
    except NotFound as error:
        raise NotFound(f"{error}: `retrain sources` shows those there are") from error
    click.echo(f"source {name} {verb}d")


@sources.command()
@click.argument("name", shell_complete=completion.sources)
@state_option
def pause(name: str, state: Path) -> None:
    """Take no events of this EventSource until `resume`.

    \b
    retrain sources pause bucket
    """
    _source(name, "pause", state)


@sources.command()
@click.argument("name", shell_complete=completion.sources)
@state_option
def resume(name: str, state: Path) -> None:
    """Take events again; a bucket source goes on from where it stopped.

    \b
    retrain sources resume bucket
    """
    _source(name, "resume", state)
