"""`retrain trials`."""

from __future__ import annotations

from pathlib import Path

import click

from retrain.cli import completion
from retrain.cli.models._answers import run_name, show
from retrain.cli.options import output_option, state_option


@click.command()
@click.argument("run", shell_complete=completion.workflows)
@output_option("text")
@state_option
def trials(run: str, output: str, state: Path) -> None:
    """List the trials of a run with their metric on the validation days; the winner and the champion are marked.

    \b
    retrain trials retrain-flight-delay-176391234
    retrain trials @latest
    """
    show(state, output, "trials", run_name(run, state))
