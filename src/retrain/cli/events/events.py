"""`retrain events`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from localargo import NotFound
from retrain.cli.options import output_option, state_option
from retrain.client.connect import local_engine
from retrain.display.output import emit, plain, table

LONGEST = 160  # characters of an event's data in a table


@click.group(invoke_without_command=True)
@click.option("--limit", default=20, show_default=True, help="How many, newest first.")
@output_option("table", "wide")
@state_option
@click.pass_context
def events(ctx: click.Context, limit: int, output: str, state: Path) -> None:
    """Show the journal of events, and how far each trigger has got with it.

    \b
    retrain events
    retrain events get 3f0c9a -o json > event.json
    """
    if ctx.invoked_subcommand:
        return
    journal = local_engine(state).events(limit)
    if output in ("json", "yaml"):
        emit(journal, output)
        return
    wide = output == "wide"
    rows = [
        [e["id"], e["source"], e["subject"], e["time"], *([e["type"], _short(e.get("data"))] if wide else [])] for e in journal["events"]
    ]
    table(["ID", "SOURCE", "EVENT", "TIME", *(["TYPE", "DATA"] if wide else [])], rows)
    click.echo()
    table(
        ["SENSOR", "TRIGGER", "WAITING", "LAST REFUSAL"],
        [[t["sensor"], t["trigger"], str(t["lag"]), plain(t.get("error") or "")] for t in journal["triggers"]],
    )


def _short(data: Any) -> str:
    text = plain(data if isinstance(data, str) else json.dumps(data, ensure_ascii=False))
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


@events.command(name="get")
@click.argument("event_id")
@output_option("json")
@state_option
def get_event(event_id: str, output: str, state: Path) -> None:
    """Print one recorded event, ready for `retrain replay`; the beginning of its id is enough.

    \b
    retrain events get 3f0c9a -o json > event.json
    """
    try:
        emit(local_engine(state).event(event_id), output)
    except NotFound as error:
        raise NotFound(f"{error}: `retrain events` shows the events there are") from error
