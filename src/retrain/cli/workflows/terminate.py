"""`retrain terminate`."""

from __future__ import annotations

import click

from retrain.cli.options import names_argument, place_option
from retrain.cli.workflows._operate import operate
from retrain.client.place import Place


@click.command()
@names_argument
@place_option
def terminate(names: tuple[str, ...], place: Place) -> None:
    """End Workflows at once; no exit handler runs.

    \b
    retrain terminate retrain-flight-delay-176391234
    """
    operate(place, names, "terminate", "terminated", {})
