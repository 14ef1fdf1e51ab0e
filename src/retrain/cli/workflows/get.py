"""`retrain get`."""

from __future__ import annotations

from pathlib import Path

import click

from retrain.cli.options import name_argument, output_option, state_option
from retrain.cli.workflows._documents import Documents
from retrain.display import output as printing
from retrain.display import tree


@click.command()
@name_argument
@output_option("wide", "name")
@state_option
def get(name: str, output: str, state: Path) -> None:
    """Show a Workflow with its node tree: phases, durations, messages; or any other document, as KIND/NAME.

    \b
    retrain get @latest
    retrain get retrain-flight-delay-176391234 -o json
    retrain get workflowtemplate/retrain
    """
    found = Documents(state).get(name)
    if output == "name":
        click.echo(found["metadata"]["name"])
    elif output == "wide" and found["kind"] == "Workflow":
        tree.show([found], output)
    else:
        printing.emit(found, "yaml" if output == "wide" else output)
