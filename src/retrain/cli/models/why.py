"""`retrain why`."""

from __future__ import annotations

from pathlib import Path

import click

from retrain.cli import completion
from retrain.cli.models._answers import run_name, show
from retrain.cli.options import output_option, state_option


@click.command()
@click.argument("name", shell_complete=completion.models)
@output_option("text")
@state_option
def why(name: str, output: str, state: Path) -> None:
    """Explain why this model is the champion, and why the last challenger is or is not: NAME is a model, a run or a trial.

    \b
    retrain why flight-delay
    retrain why retrain-flight-delay-176391234 -o json
    """
    show(state, output, "any", run_name(name, state))
