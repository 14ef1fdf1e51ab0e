"""`retrain delete`."""

from __future__ import annotations

import click

from retrain.cli.options import names_argument, place_option
from retrain.cli.workflows._documents import Documents
from retrain.client.place import Place


@click.command()
@names_argument
@place_option
def delete(names: tuple[str, ...], place: Place) -> None:
    """Remove Workflows (what they left in the bucket stays), or other documents, as KIND/NAME.

    \b
    retrain delete @latest
    retrain delete sensor/webhook
    """
    documents = Documents(place)
    for name in names:
        kind, full = documents.delete(name)
        click.echo(f"{kind.lower()} {full} deleted")
