"""`retrain suspend`."""

from __future__ import annotations

import click

from retrain.cli.options import names_argument, place_option
from retrain.cli.workflows._operate import operate
from retrain.client.place import Place


@click.command()
@names_argument
@place_option
def suspend(names: tuple[str, ...], place: Place) -> None:
    """Start no further step of Workflows until `resume`.

    \b
    retrain suspend @latest
    """
    operate(place, names, "suspend", "suspended", {})
