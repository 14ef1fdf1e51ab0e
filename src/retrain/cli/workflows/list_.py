"""`retrain list`."""

from __future__ import annotations

import click

from retrain.cli.options import output_option, place_option
from retrain.cli.workflows._documents import WORKFLOW, Documents
from retrain.client.connect import argo_server
from retrain.client.place import Place
from retrain.client.protocol import Doc, Listing
from retrain.client.workflows import phase
from retrain.display import output as printing
from retrain.display import tree
from retrain.display.reasons import reason
from retrain.display.tables import table

PHASES = ("Pending", "Running", "Succeeded", "Failed", "Error")
ROWS = 20  # of a table, unless --limit says otherwise


@click.command(name="list")
@click.argument("kind", default="workflows")
@click.option("-l", "--selector", default="", metavar="LABEL=VALUE", help="Only those with these labels (comma-separated).")
@click.option("--phase", "phases", multiple=True, type=click.Choice(PHASES), help="Only Workflows in this phase; repeatable.")
@click.option("--limit", type=click.IntRange(min=0), help=f"At most this many, 0 for all; by default {ROWS} in a table, else all.")
@output_option("text", "name", "wide")
@place_option
def list_(kind: str, selector: str, phases: tuple[str, ...], limit: int | None, output: str, place: Place) -> None:
    """List Workflows, newest first, or the engine's documents of another kind.

    \b
    retrain list --phase Running
    retrain list -l retrain/trigger=upload -o name
    retrain list workflowtemplates
    """
    if limit is None:
        limit = ROWS if output in ("text", "wide") else 0
    workflows = kind.lower() in WORKFLOW
    if phases and not workflows:
        raise click.UsageError("--phase is for Workflows")
    found = _workflows(place, selector, phases, limit) if workflows else _cut(Documents(place).list(kind, selector), limit)
    if output in ("json", "yaml", "name"):
        tree.show(found.items, output)
    elif workflows:
        _table(found.items, output == "wide")
    else:
        rows = [[d["metadata"]["name"], printing.age(d["metadata"].get("creationTimestamp"))] for d in found.items]
        table(["NAME", "AGE"], rows)
    if not found.items:
        click.echo(f"no {kind}" + (" that match" if selector or phases else ""), err=True)
    if found.more:
        click.echo(f"{found.more} more: `--limit 0` shows all", err=True)


def _workflows(place: Place, selector: str, phases: tuple[str, ...], limit: int) -> Listing:
    """Phases are filtered here, not by the server: a Workflow that has not begun has no label for its phase."""
    server = argo_server(place)
    if not phases:
        return server.workflows(selector, limit)
    return _cut([w for w in server.workflows(selector).items if phase(w) in phases], limit)


def _cut(items: list[Doc], limit: int) -> Listing:
    shown = items[:limit] if limit else items
    return Listing(shown, len(items) - len(shown))


def _table(workflows: list[Doc], wide: bool) -> None:
    rows = []
    for workflow in workflows:
        status, metadata = workflow.get("status") or {}, workflow["metadata"]
        row = [metadata["name"], printing.phase(printing.state(workflow)), printing.age(metadata.get("creationTimestamp"))]
        row += [printing.duration(status.get("startedAt"), status.get("finishedAt")), status.get("progress", "")]
        rows.append([*row, printing.plain(reason(workflow))])
    head = ["NAME", "STATUS", "AGE", "DURATION", "PROGRESS", "MESSAGE"]
    table(head, rows, spare=("PROGRESS", "DURATION", "AGE"), wide=wide)
