"""Verbs that change a Workflow: stop, terminate, suspend, resume, retry, resubmit, delete, node set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from retrain.cli import completion
from retrain.cli.client import Client
from retrain.cli.options import parameters, state_option

names_argument = click.argument("names", nargs=-1, required=True, shell_complete=completion.workflows)
selector_option = click.option(
    "--node-field-selector", default="", metavar="FIELD=VALUE", help="Only these nodes, for example displayName=approve."
)


def _operate(state: Path, names: tuple[str, ...], operation: str, done: str, options: dict[str, Any]) -> None:
    client = Client(state)
    for name in names:
        full = client.workflow(name)["metadata"]["name"]
        answered = client.call("PUT", f"/api/v1/workflows/{{ns}}/{full}/{operation}", options)
        click.echo(f"workflow {answered['metadata']['name']} {done}" + (f" from {full}" if operation == "resubmit" else ""))


@click.command()
@names_argument
@click.option("--message", default="", help="Recorded on the suspended nodes that --node-field-selector names.")
@selector_option
@state_option
def stop(names: tuple[str, ...], message: str, node_field_selector: str, state: Path) -> None:
    """Stop Workflows; their exit handlers still run.

    \b
    retrain stop @latest
    """
    _operate(state, names, "stop", "stopped", {"message": message, "nodeFieldSelector": node_field_selector})


@click.command()
@names_argument
@state_option
def terminate(names: tuple[str, ...], state: Path) -> None:
    """End Workflows at once; no exit handler runs.

    \b
    retrain terminate retrain-flight-delay-176391234
    """
    _operate(state, names, "terminate", "terminated", {})


@click.command()
@names_argument
@state_option
def suspend(names: tuple[str, ...], state: Path) -> None:
    """Start no further step until `resume`.

    \b
    retrain suspend @latest
    """
    _operate(state, names, "suspend", "suspended", {})


@click.command()
@names_argument
@selector_option
@state_option
def resume(names: tuple[str, ...], node_field_selector: str, state: Path) -> None:
    """Go on with suspended Workflows or suspended nodes.

    \b
    retrain resume @latest --node-field-selector displayName=approve
    """
    _operate(state, names, "resume", "resumed", {"nodeFieldSelector": node_field_selector})


@click.command()
@names_argument
@click.option("--restart-successful", is_flag=True, help="Run again also successful nodes that the selector names.")
@click.option("-p", "--parameter", "given", multiple=True, metavar="NAME=VALUE", help="Change an argument; repeatable.")
@selector_option
@state_option
def retry(names: tuple[str, ...], restart_successful: bool, given: tuple[str, ...], node_field_selector: str, state: Path) -> None:
    """Run the failed steps of ended Workflows again, keeping what succeeded.

    \b
    retrain retry @latest
    """
    options = {"restartSuccessful": restart_successful, "nodeFieldSelector": node_field_selector, "parameters": parameters(given)}
    _operate(state, names, "retry", "retried", options)


@click.command()
@names_argument
@click.option("--memoized", is_flag=True, help="Keep the outputs of what succeeded.")
@click.option("-p", "--parameter", "given", multiple=True, metavar="NAME=VALUE", help="Change an argument; repeatable.")
@state_option
def resubmit(names: tuple[str, ...], memoized: bool, given: tuple[str, ...], state: Path) -> None:
    """Create new Workflows from ended ones.

    \b
    retrain resubmit @latest
    """
    _operate(state, names, "resubmit", "created", {"memoized": memoized, "parameters": parameters(given)})


@click.command()
@names_argument
@state_option
def delete(names: tuple[str, ...], state: Path) -> None:
    """Remove Workflows (what they left in the bucket stays), or other documents, as KIND/NAME.

    \b
    retrain delete @latest
    retrain delete sensor/webhook
    """
    client = Client(state)
    for name in names:
        found = client.document(name)
        kind, full = found["kind"], found["metadata"]["name"]
        client.call("DELETE", f"/localargo/v1/objects/{kind}/{full}")
        click.echo(f"{kind.lower()} {full} deleted")


@click.group()
def node() -> None:
    """Act on one node of a Workflow.

    \b
    retrain node set @latest --node-field-selector displayName=approve --phase Succeeded
    """


@node.command(name="set")
@click.argument("name", shell_complete=completion.workflows)
@click.option("--phase", type=click.Choice(["Succeeded", "Failed", "Error"]), help="End the node so.")
@click.option("-m", "--message", default="", help="Recorded on the node.")
@click.option("-p", "--output-parameter", "given", multiple=True, metavar="NAME=VALUE", help="Supply an output parameter; repeatable.")
@click.option("--node-field-selector", required=True, metavar="FIELD=VALUE", help="Which node, for example displayName=approve.")
@state_option
def set_(name: str, phase: str | None, message: str, given: tuple[str, ...], node_field_selector: str, state: Path) -> None:
    """Set the phase, message or supplied outputs of a suspended node.

    \b
    retrain node set @latest --node-field-selector displayName=approve --output-parameter ok=yes --phase Succeeded
    """
    import json

    supplied = {name: _unquoted(value) for name, _, value in (text.partition("=") for text in parameters(given))}
    options: dict[str, Any] = {"nodeFieldSelector": node_field_selector, "message": message, "phase": phase or ""}
    _operate(state, (name,), "set", "changed", {**options, "outputParameters": json.dumps(supplied) if supplied else ""})


def _unquoted(value: str) -> str:
    """A value in double quotes is what they hold, as `argo node set` takes it."""
    import json

    try:
        found = json.loads(value) if value.startswith('"') else value
    except ValueError:
        return value
    return str(found)
