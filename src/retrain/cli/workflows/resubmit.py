"""`retrain resubmit`."""

from __future__ import annotations

from pathlib import Path

import click

from retrain.cli.options import names_argument, parameter_option, parameters, state_option
from retrain.cli.workflows._operate import operate


@click.command()
@names_argument
@click.option("--memoized", is_flag=True, help="Keep the outputs of what succeeded.")
@parameter_option
@state_option
def resubmit(names: tuple[str, ...], memoized: bool, given: tuple[str, ...], state: Path) -> None:
    """Create new Workflows from ended ones.

    \b
    retrain resubmit @latest
    """
    operate(state, names, "resubmit", "created", {"memoized": memoized, "parameters": parameters(given)})
