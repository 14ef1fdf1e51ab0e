"""`retrain stop`."""

from __future__ import annotations

import click

from retrain.cli.options import names_argument, place_option, selector_option
from retrain.cli.workflows._operate import operate
from retrain.client.place import Place


@click.command()
@names_argument
@click.option("--message", default="", help="Recorded on the suspended nodes that --node-field-selector names.")
@selector_option
@place_option
def stop(names: tuple[str, ...], message: str, node_field_selector: str, place: Place) -> None:
    """Stop Workflows; their exit handlers still run.

    \b
    retrain stop @latest
    """
    operate(place, names, "stop", "stopped", {"message": message, "nodeFieldSelector": node_field_selector})
