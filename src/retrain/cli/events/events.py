"""`retrain events`."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from typing import Any

import click

from localargo import NotFound
from retrain.answers.events import events as read
from retrain.answers.events import one
from retrain.cli import completion
from retrain.cli.options import output_option, place_option
from retrain.client.place import Place
from retrain.display.output import emit, plain
from retrain.display.tables import cut, table
from retrain.project.events import words

LONGEST = 160  # characters of an event's data in a table
ID = 12  # characters of an id in a table; `events get` and `why` take the beginning of one
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _since(_ctx: click.Context, _parameter: click.Parameter, value: str) -> float:
    """Seconds since 1970 of a duration back from now, or of a time; 0 for none."""
    if not value:
        return 0.0
    back = re.fullmatch(r"([0-9]{1,9})([smhd])", value)
    if back:
        return max(0.0, time.time() - int(back[1]) * SECONDS[back[2]])
    try:
        at = datetime.fromisoformat(value)
        return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        message = f"{value!r} is neither a duration such as 30s, 15m, 2h or 7d nor a time such as 2013-01-31T06:00:00Z"
        raise click.BadParameter(message) from None


@click.group(invoke_without_command=True)
@click.option("--model", default="", shell_complete=completion.models, help="Only events about this model.")
@click.option("--since", default="", metavar="TIME", callback=_since, help="Only events that are not older: 15m, 2h, 7d, or a time.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many, newest first.")
@output_option("text", "wide")
@place_option
def events(model: str, since: float, limit: int, output: str, place: Place) -> None:
    """Show events, newest first: what each was about, and what became of it at each Sensor.

    It was dropped (by which filter), started a run, joined one that asks for the same, or was refused. `retrain why ID` follows one to the
    champion. A cluster keeps no journal: there these are the events that started a Workflow or that a run in the bucket names.

    \b
    retrain events
    retrain events --model flight-delay --since 2h
    retrain events get 3f0c9a -o json > event.json
    """
    if click.get_current_context().invoked_subcommand:
        return
    found = read(place, model, since, limit)
    if output in ("json", "yaml"):
        emit(found, output)
        return
    _table(found["events"], wide=output == "wide")
    if not found["events"]:
        asked = "that match: `retrain events` without --model and --since shows all" if model or since else _how()
        click.echo(f"no events {asked}", err=True)
    if found["note"]:
        click.echo(f"note: {found['note']}", err=True)
    if found["triggers"]:
        click.echo()
        table(
            ["SENSOR", "TRIGGER", "WAITING", "LAST REFUSAL"],
            [[t["sensor"], t["trigger"], str(t["lag"]), plain(t.get("error") or "")] for t in found["triggers"]],
            wide=output == "wide",
        )


def _how() -> str:
    return "yet: `retrain put FILE --model MODEL` makes one, and `retrain sources` shows what else does"


def _table(found: list[dict[str, Any]], wide: bool) -> None:
    rows = []
    for event in found:
        about, became = event["key"] or event["model"] or "-", plain(words(event))
        row = [event["id"] if wide else event["id"][:ID], event["source"], event["subject"], event["time"], plain(about)]
        rows.append([*row, *([event["type"], _short(event.get("data"))] if wide else []), became])
    head = ["ID", "SOURCE", "EVENT", "TIME", "ABOUT", *(["TYPE", "DATA"] if wide else []), "BECAME"]
    table(head, rows, spare=("SOURCE", "EVENT", "TIME"), wide=wide)


def _short(data: Any) -> str:
    return cut(plain(data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)), LONGEST)


@events.command(name="get")
@click.argument("event_id", shell_complete=completion.events)
@output_option("json")
@place_option
def get_event(event_id: str, output: str, place: Place) -> None:
    """Print one recorded event, ready for `retrain replay`; the beginning of its id is enough.

    \b
    retrain events get 3f0c9a -o json > event.json
    """
    try:
        emit(one(place, event_id), output)
    except NotFound as error:
        raise NotFound(f"{error}: `retrain events` shows the events there are") from error
