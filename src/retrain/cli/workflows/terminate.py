"""`retrain terminate`."""

from __future__ import annotations

from pathlib import Path

import click

from retrain.cli.options import names_argument, state_option
from retrain.cli.workflows._operate import operate


@click.command()
@names_argument
@state_option
def terminate(names: tuple[str, ...], state: Path) -> None:
    """End Workflows at once; no exit handler runs.

    \b
    retrain terminate retrain-flight-delay-176391234
    """
    operate(state, names, "terminate", "terminated", {})
