"""`retrain resubmit`."""

from __future__ import annotations

import click

from retrain.cli.options import names_argument, parameter_option, parameters, place_option
from retrain.cli.workflows._operate import operate
from retrain.client.place import Place


@click.command()
@names_argument
@click.option("--memoized", is_flag=True, help="Keep the outputs of what succeeded.")
@parameter_option
@place_option
def resubmit(names: tuple[str, ...], memoized: bool, given: tuple[str, ...], place: Place) -> None:
    """Create new Workflows from ended ones.

    \b
    retrain resubmit @latest
    """
    operate(place, names, "resubmit", "created", {"memoized": memoized, "parameters": parameters(given)})
