"""`retrain delete`."""

from __future__ import annotations

from pathlib import Path

import click

from retrain.cli.options import names_argument, state_option
from retrain.cli.workflows._documents import Documents


@click.command()
@names_argument
@state_option
def delete(names: tuple[str, ...], state: Path) -> None:
    """Remove Workflows (what they left in the bucket stays), or other documents, as KIND/NAME.

    \b
    retrain delete @latest
    retrain delete sensor/webhook
    """
    documents = Documents(state)
    for name in names:
        kind, full = documents.delete(name)
        click.echo(f"{kind.lower()} {full} deleted")
