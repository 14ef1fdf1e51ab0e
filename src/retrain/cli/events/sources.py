"""`retrain sources`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from localargo import NotFound
from retrain.cli import completion
from retrain.cli.options import output_option, state_option
from retrain.client.connect import local_engine
from retrain.display.output import emit
from retrain.display.tables import table


@click.group(invoke_without_command=True)
@output_option("text", "wide")
@state_option
@click.pass_context
def sources(ctx: click.Context, output: str, state: Path) -> None:
    """Show the EventSources that are running; pause and resume them.

    \b
    retrain sources
    retrain sources pause bucket
    """
    if ctx.invoked_subcommand:
        return
    running = local_engine(state).sources()
    if output in ("json", "yaml"):
        emit(running, output)
        return
    _table(running, output == "wide")


def _table(running: Sequence[Mapping[str, Any]], wide: bool) -> None:
    rows = [[s["source"], s["event"], s["type"], s["state"], s.get("where") or ""] for s in running]
    table(["SOURCE", "EVENT", "TYPE", "STATE", "WHERE"], rows, spare=("TYPE",), wide=wide)


@sources.command()
@click.argument("name", shell_complete=completion.sources)
@state_option
def pause(name: str, state: Path) -> None:
    """Accept no events from this EventSource until `resume`.

    \b
    retrain sources pause bucket
    """
    _set(name, "pause", state)


@sources.command()
@click.argument("name", shell_complete=completion.sources)
@state_option
def resume(name: str, state: Path) -> None:
    """Accept events again; a bucket source goes on from where it stopped.

    \b
    retrain sources resume bucket
    """
    _set(name, "resume", state)


def _set(name: str, verb: str, state: Path) -> None:
    try:
        local_engine(state).set_source(name, verb)
    except NotFound as error:
        raise NotFound(f"{error}: `retrain sources` shows the sources there are") from error
    click.echo(f"source {name} {verb}d")
