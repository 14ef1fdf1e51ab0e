"""`retrain get`."""

from __future__ import annotations

import click

from retrain.cli.options import name_argument, output_option, place_option
from retrain.cli.workflows._documents import Documents
from retrain.client.place import Place
from retrain.display import output as printing
from retrain.display import tree


@click.command()
@name_argument
@output_option("wide", "name")
@place_option
def get(name: str, output: str, place: Place) -> None:
    """Show a Workflow with its node tree: phases, durations, messages; or any other document, as KIND/NAME.

    \b
    retrain get @latest
    retrain get retrain-flight-delay-176391234 -o json
    retrain get workflowtemplate/retrain
    """
    found = Documents(place).get(name)
    if output == "name":
        click.echo(found["metadata"]["name"])
    elif output == "wide" and found["kind"] == "Workflow":
        tree.show([found], output)
    else:
        printing.emit(found, "yaml" if output == "wide" else output)
