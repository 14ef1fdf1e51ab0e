"""Verbs that show what the engine holds: list, get."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from retrain.cli import completion, tree
from retrain.cli import output as printing
from retrain.cli.client import Client
from retrain.cli.options import output_option, state_option

Doc = dict[str, Any]
PHASES = ("Pending", "Running", "Succeeded", "Failed", "Error")


@click.command(name="list")
@click.argument("kind", default="workflows")
@click.option("-l", "--selector", default="", metavar="LABEL=VALUE", help="Only those with these labels (comma-separated).")
@click.option("--phase", "phases", multiple=True, type=click.Choice(PHASES), help="Only Workflows in this phase; repeatable.")
@output_option("table", "name", "wide")
@state_option
def list_(kind: str, selector: str, phases: tuple[str, ...], output: str, state: Path) -> None:
    """List Workflows, newest first, or the engine's documents of another kind.

    \b
    retrain list --phase Running
    retrain list -l retrain/trigger=upload -o name
    retrain list workflowtemplates
    """
    from localargo import known_kind

    client = Client(state)
    items = client.objects(kind, selector)
    workflows = known_kind(kind) == "Workflow"
    if phases and not workflows:
        raise click.UsageError("--phase is for Workflows")
    items = [w for w in items if not phases or (w.get("status") or {}).get("phase", "Pending") in phases]
    if output in ("json", "yaml", "name"):
        tree.show(items, output)
    elif workflows:
        _table(items, 200 if output == "wide" else 60)
    else:
        rows = [[d["metadata"]["name"], printing.age(d["metadata"].get("creationTimestamp"))] for d in items]
        printing.table(["NAME", "AGE"], rows)
    if not items:
        click.echo(f"no {kind}" + (" that match" if selector or phases else ""), err=True)


def _table(workflows: list[Doc], room: int) -> None:
    rows = []
    for workflow in workflows:
        status, metadata = workflow.get("status") or {}, workflow["metadata"]
        row = [metadata["name"], printing.phase(status.get("phase", "")), printing.age(metadata.get("creationTimestamp"))]
        row += [printing.duration(status.get("startedAt"), status.get("finishedAt")), status.get("progress", "")]
        rows.append([*row, printing.plain(status.get("message") or "")[:room]])
    printing.table(["NAME", "STATUS", "AGE", "DURATION", "PROGRESS", "MESSAGE"], rows)


@click.command()
@click.argument("name", default="@latest", shell_complete=completion.workflows)
@output_option("wide", "name")
@state_option
def get(name: str, output: str, state: Path) -> None:
    """Show a Workflow with its node tree: phases, durations, messages; or any other document, as KIND/NAME.

    \b
    retrain get @latest
    retrain get retrain-flight-delay-176391234 -o json
    retrain get workflowtemplate/retrain
    """
    found = Client(state).document(name)
    if output == "name":
        click.echo(found["metadata"]["name"])
    elif output == "wide" and found["kind"] == "Workflow":
        tree.show([found], output)
    else:
        printing.emit(found, "yaml" if output == "wide" else output)
