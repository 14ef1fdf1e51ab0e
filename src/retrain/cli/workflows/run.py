"""`retrain run`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from localargo import InvalidInput, Unavailable
from retrain.cli.options import manifests, output_option, parameter_option, state_option
from retrain.cli.workflows._given import names, with_values
from retrain.client.state import start_command
from retrain.client.workflows import phase
from retrain.display import tree
from retrain.display.picture import Picture


@click.command()
@click.argument("files", nargs=-1, required=True, type=manifests)
@parameter_option
@output_option("wide", "name")
@state_option
def run(files: tuple[Path, ...], given: tuple[str, ...], output: str, state: Path) -> None:
    """Run the Workflows of files to their end, without a running engine; prints a List of them in the files' order.

    \b
    retrain run hello.yaml
    retrain run templates.yaml run.yaml -o json > ended.json
    """
    import asyncio
    from contextlib import ExitStack

    from localargo import lock_holder, run_files
    from retrain.project.handlers import engine_settings

    found = with_values(files, given)
    if not any(d.kind == "Workflow" for d in found):
        raise InvalidInput(f"{names(files)}: no Workflow in it")
    if (holder := lock_holder(state)) is not None:
        raise Unavailable(f"an engine runs on {state} (process {holder}): `retrain submit --wait` runs it there, or choose another --state")
    try:
        with ExitStack() as drawn:
            picture = drawn.enter_context(Picture(stderr=True)) if sys.stderr.isatty() else None
            ended = asyncio.run(run_files(state, found, picture.attend if picture else None, engine_settings()))
    except KeyboardInterrupt:
        click.echo(f"stopped ({start_command(state)} goes on with what was under way)", err=True)
        raise
    tree.show(ended, output)
    if any(phase(w) != "Succeeded" for w in ended):
        sys.exit(1)
