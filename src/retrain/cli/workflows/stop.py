"""`retrain stop`."""

from __future__ import annotations

from pathlib import Path

import click

from retrain.cli.options import names_argument, selector_option, state_option
from retrain.cli.workflows._operate import operate


@click.command()
@names_argument
@click.option("--message", default="", help="Recorded on the suspended nodes that --node-field-selector names.")
@selector_option
@state_option
def stop(names: tuple[str, ...], message: str, node_field_selector: str, state: Path) -> None:
    """Stop Workflows; their exit handlers still run.

    \b
    retrain stop @latest
    """
    operate(state, names, "stop", "stopped", {"message": message, "nodeFieldSelector": node_field_selector})
