"""`retrain resume`."""

from __future__ import annotations

import click

from retrain.cli.options import names_argument, place_option, selector_option
from retrain.cli.workflows._operate import operate
from retrain.client.place import Place


@click.command()
@names_argument
@selector_option
@place_option
def resume(names: tuple[str, ...], node_field_selector: str, place: Place) -> None:
    """Go on with suspended Workflows or suspended nodes.

    \b
    retrain resume @latest --node-field-selector displayName=approve
    """
    operate(place, names, "resume", "resumed", {"nodeFieldSelector": node_field_selector})
