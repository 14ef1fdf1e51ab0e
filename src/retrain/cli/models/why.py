"""`retrain why`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from localargo import Unavailable
from retrain.cli import completion
from retrain.cli.models._answers import run_name, show
from retrain.cli.options import output_option, place_option
from retrain.client.connect import local_engine
from retrain.client.place import Place
from retrain.project.events import ce_id, of_journal, recorded

KINDS = ("event", "object", "run", "trial", "model")
TOLD = 200  # events of the journal that belong to one name
LONGEST = 100_000  # characters; Linux takes 128 KiB


@click.command()
@click.argument("name", shell_complete=completion.followed)
@click.option("--kind", type=click.Choice(KINDS), help="What NAME is, where it may be more than one thing.")
@output_option("text")
@place_option
def why(name: str, kind: str | None, output: str, place: Place) -> None:
    """Explain how something came about and what came of it: NAME is an event's id, an object's key or s3:// address, a run, a trial or a
    model; of an id the beginning is enough.

    Everything is followed both ways: event, sensor, run, snapshot, parts, dataset, trials, verdict, champion. All but what a Sensor dropped
    or joined is read from the bucket, without an engine.

    \b
    retrain why flight-delay
    retrain why incoming/flight-delay/2013-01.csv
    retrain why 3f0c9a
    retrain why retrain-flight-delay-176391234 -o json
    """
    whole = run_name(name, place)
    journal = _journal(whole, place)
    show(place, output, kind or "any", whole, *(["--journal", _argument(journal)] if journal else []))


def _journal(name: str, place: Place) -> list[dict[str, Any]]:
    """What the engine's journal has about a name: events of that id or object, and those that came to a run of that name."""
    if not isinstance(place, Path):
        return []
    key = name.removeprefix("s3://").partition("/")[2] if name.startswith("s3://") else name
    try:
        found = _told(local_engine(place).events, name, key)
    except Unavailable:
        try:
            found = _told(partial(recorded, place), name, key)
        except Unavailable:
            return []
    return [of_journal(each) for each in {each["id"]: each for each in found}.values()]


def _told(events: Callable[..., Any], name: str, key: str) -> list[dict[str, Any]]:
    found = [] if "/" in key else [*events(TOLD, id=name)["events"], *events(TOLD, name=name)["events"]]
    # only what no JSON escapes; whose key is the whole one is seen by the handler
    plain = max(re.findall(r"[\w./-]+", key, re.ASCII), key=len, default="")
    if found or not plain:
        return found
    held: list[dict[str, Any]] = events(TOLD, contains=plain)["events"]
    return held if "/" in key else [each for each in held if ce_id(each) == name]


def _argument(journal: list[dict[str, Any]]) -> str:
    """As one argument of a process, whose length is bounded: the newest events that fit."""
    while len(text := json.dumps(journal)) > LONGEST:
        journal = journal[: len(journal) // 2]
    return text
