"""`retrain runs`."""

from __future__ import annotations

from pathlib import Path

import click

from retrain.cli import completion
from retrain.cli.models._answers import show
from retrain.cli.options import output_option, state_option


@click.command()
@click.argument("model", required=False, shell_complete=completion.models)
@output_option("text")
@state_option
def runs(model: str | None, output: str, state: Path) -> None:
    """List the runs of a model (of all models): what was decided, and on which numbers.

    \b
    retrain runs flight-delay
    """
    show(state, output, "runs", *([model] if model else []))
