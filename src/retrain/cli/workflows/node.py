"""`retrain node`."""

from __future__ import annotations

import json
from typing import Any

import click

from retrain.cli import completion
from retrain.cli.options import assignments, place_option
from retrain.cli.workflows._operate import operate
from retrain.client.place import Place


@click.group()
def node() -> None:
    """Act on one node of a Workflow.

    \b
    retrain node set @latest --node-field-selector displayName=approve --phase Succeeded
    """


@node.command(name="set")
@click.argument("name", shell_complete=completion.workflows)
@click.option("--phase", type=click.Choice(["Succeeded", "Failed", "Error"]), help="End the node with this phase.")
@click.option("-m", "--message", default="", help="Recorded on the node.")
@click.option("-p", "--output-parameter", "given", multiple=True, metavar="NAME=VALUE", help="Supply an output parameter; repeatable.")
@click.option("--node-field-selector", required=True, metavar="FIELD=VALUE", help="Which node, for example displayName=approve.")
@place_option
def set_(name: str, phase: str | None, message: str, given: tuple[str, ...], node_field_selector: str, place: Place) -> None:
    """Set the phase, message or supplied outputs of a suspended node.

    \b
    retrain node set @latest --node-field-selector displayName=approve --output-parameter ok=yes --phase Succeeded
    """
    supplied = {name: _unquoted(value) for name, value in assignments(given).items()}
    options: dict[str, Any] = {"nodeFieldSelector": node_field_selector, "message": message, "phase": phase or ""}
    operate(place, (name,), "set", "changed", {**options, "outputParameters": json.dumps(supplied) if supplied else ""})


def _unquoted(value: str) -> str:
    """A value in double quotes is what they hold, as `argo node set` takes it."""
    try:
        found = json.loads(value) if value.startswith('"') else value
    except ValueError:
        return value
    return str(found)
