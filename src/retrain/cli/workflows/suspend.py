"""`retrain suspend`."""

from __future__ import annotations

from pathlib import Path

import click

from retrain.cli.options import names_argument, state_option
from retrain.cli.workflows._operate import operate


@click.command()
@names_argument
@state_option
def suspend(names: tuple[str, ...], state: Path) -> None:
    """Start no further step of Workflows until `resume`.

    \b
    retrain suspend @latest
    """
    operate(state, names, "suspend", "suspended", {})
