"""`retrain resume`."""

from __future__ import annotations

from pathlib import Path

import click

from retrain.cli.options import names_argument, selector_option, state_option
from retrain.cli.workflows._operate import operate


@click.command()
@names_argument
@selector_option
@state_option
def resume(names: tuple[str, ...], node_field_selector: str, state: Path) -> None:
    """Go on with suspended Workflows or suspended nodes.

    \b
    retrain resume @latest --node-field-selector displayName=approve
    """
    operate(state, names, "resume", "resumed", {"nodeFieldSelector": node_field_selector})
