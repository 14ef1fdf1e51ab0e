"""`retrain why`."""

from __future__ import annotations

import json
from typing import Any

import click

from retrain.answers.journal import about
from retrain.cli import completion
from retrain.cli.models._answers import run_name, show
from retrain.cli.options import output_option, place_option
from retrain.client.place import Place

KINDS = ("event", "object", "run", "trial", "model")
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
    journal = about(whole, place)
    show(place, output, kind or "any", whole, *(["--journal", _argument(journal)] if journal else []))


def _argument(journal: list[dict[str, Any]]) -> str:
    """As one argument of a process, whose length is bounded: the newest events that fit."""
    while len(text := json.dumps(journal)) > LONGEST:
        journal = journal[: len(journal) // 2]
    return text
