"""`retrain replay`: what an event would do, without doing it."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import click

from localargo import InvalidInput, Json
from retrain.cli.options import manifests, output_option
from retrain.project.manifests import documents

NOTHING = 1  # exit code when no trigger would fire


@click.command(short_help="Show what EVENT would do, without running anything.")
@click.argument("event")
@click.argument("files", nargs=-1, type=manifests)
@click.option("--source", default="", help="The event's source, NAME or NAME/EVENT, if the payload does not name it.")
@click.option("--sensor", default="", help="Ask this Sensor only.")
@output_option("text")
def replay(event: str, files: tuple[Path, ...], source: str, sensor: str, output: str) -> None:
    """Show what EVENT would do, without running anything: the event as its source would form it, which dependencies accept it and why
    others do not, the result of each transform, the value of each parameter, and the resource that would be created.

    EVENT is a file of JSON, `-` for standard input, or `sample:KIND`: a recorded event (`retrain events get ID -o json`), a source's
    payload, a webhook's body, or a bucket's `{"key": "incoming/..."}`. FILES are the manifests, by default overlays/laptop.

    Exit 0 when a trigger would fire, 1 when none would.

    \b
    retrain events get 3f0c9a -o json | retrain replay -
    retrain replay body.json --source webhook --sensor webhook
    retrain replay sample:minio -o yaml
    """
    from localargo import replay as explain

    told = explain(_given(event), [d.doc for d in documents(files)], now=time.time(), source=source, sensor=sensor, named=event)
    if output == "text":
        _show(told.tree())
    else:
        from retrain.display.output import emit

        emit(told.tree(), output)
    if not told.fires:
        sys.exit(NOTHING)


def _given(event: str) -> str:
    """The text of a file, of standard input, or of a sample."""
    from localargo import sample

    if event.startswith("sample:"):
        return sample(event.removeprefix("sample:"))
    if event == "-":
        return sys.stdin.buffer.read().decode("utf-8", "replace")
    try:
        return Path(event).read_bytes().decode("utf-8", "replace")
    except OSError as error:
        raise InvalidInput(f"{event}: {error.strerror}; name a file of JSON, `-`, or sample:KIND") from error


def _show(told: dict[str, Any]) -> None:
    event = told["event"]
    click.echo(f"event {event['id']} of {event['source']}/{event['subject']} ({event['type']}, {event['time']}), {told['how']}")
    _block(event.get("data"), "  ")
    if told["dropped"]:
        click.echo(f"dropped by its source: {told['dropped']}")
    for each in told["dependencies"]:
        click.echo(f"sensor {each['sensor']} dependency {each['dependency']}: {'accepts it' if each['taken'] else each['why']}")
        if each["transformed"] and each["data"] is not None:
            click.echo("  after its transform:")
            _block(each["data"], "    ")
    for trigger in told["triggers"]:
        _show_trigger(trigger)


def _show_trigger(trigger: dict[str, Any]) -> None:
    action = " ".join(part for part in (trigger["kind"], trigger["operation"]) if part)
    outcome = f"fires ({action}) for dependency {trigger['by']}" if trigger["fires"] else f"does not fire: {trigger['why']}"
    click.echo(f"sensor {trigger['sensor']} trigger {trigger['trigger']}: {outcome}")
    for each in trigger["parameters"]:
        result = "skipped: its event is missing" if each["skipped"] else each["error"] or json.dumps(each["value"], ensure_ascii=False)
        click.echo(f"  {each['level']}.parameters[{each['index']}] {each['operation']} {each['dest']} = {result}")
    if trigger["resource"] is not None:
        click.echo("  would be created:" if trigger["kind"] in ("k8s", "argoWorkflow") else "  would be sent:")
        _block(trigger["resource"], "    ")


def _block(value: Json, indent: str) -> None:
    """A tree as indented YAML."""
    from localargo import dump_tree

    for line in dump_tree(value).rstrip("\n").splitlines():
        click.echo(f"{indent}{line}")
