"""`retrain retry`."""

from __future__ import annotations

import click

from retrain.cli.options import names_argument, parameter_option, parameters, place_option, selector_option
from retrain.cli.workflows._operate import operate
from retrain.client.place import Place


@click.command()
@names_argument
@click.option("--restart-successful", is_flag=True, help="Run again also successful nodes that the selector names.")
@parameter_option
@selector_option
@place_option
def retry(names: tuple[str, ...], restart_successful: bool, given: tuple[str, ...], node_field_selector: str, place: Place) -> None:
    """Run the failed steps of ended Workflows again, keeping what succeeded.

    \b
    retrain retry @latest
    """
    options = {"restartSuccessful": restart_successful, "nodeFieldSelector": node_field_selector, "parameters": parameters(given)}
    operate(place, names, "retry", "retried", options)
