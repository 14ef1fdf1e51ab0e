"""`retrain logs`."""

from __future__ import annotations

import click

from localargo import InvalidInput, NotFound
from retrain.cli.options import name_argument, place_option
from retrain.client.connect import argo_server
from retrain.client.place import Place
from retrain.client.protocol import Doc
from retrain.client.workflows import find, pod_name


@click.command()
@name_argument
@click.argument("node", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on until the pods have ended.")
@click.option("-c", "--container", default="main", show_default=True, help="Which container of the pods.")
@place_option
def logs(name: str, node: str | None, follow: bool, container: str, place: Place) -> None:
    """Print the logs of a Workflow's pods, or of one node (its display name, node name or id; the containers of a set are nodes too).

    \b
    retrain logs @latest train --follow
    """
    server = argo_server(place)
    workflow = find(server, name)
    nodes = (workflow.get("status") or {}).get("nodes", {})
    chosen = _chosen(workflow, node)
    for each in chosen:
        pod, of = (nodes[each["boundaryID"]], each["displayName"]) if each["type"] == "Container" else (each, container)
        prefix = "" if len(chosen) == 1 else click.style(f"{each.get('displayName')}: ", fg="cyan")
        try:
            for line in server.log(workflow["metadata"]["name"], pod_name(workflow, pod), of, follow):
                click.echo(prefix + line)
        except NotFound as error:
            if len(chosen) == 1:
                raise
            click.echo(f"{prefix}{error}", err=True)


def _chosen(workflow: Doc, node: str | None) -> list[Doc]:
    """The nodes whose logs are asked for, in the order of their start."""
    nodes = (workflow.get("status") or {}).get("nodes", {})
    pods = [n for n in nodes.values() if n.get("type") == "Pod" or (n.get("type") == "Container" and node is not None)]
    chosen = [
        n for n in pods if node in (None, n.get("displayName"), n["name"], n["id"]) or str(n.get("displayName", "")).startswith(f"{node}(")
    ]
    if node is not None and not chosen:
        known = ", ".join(sorted({str(n.get("displayName")) for n in pods})) or "none yet"
        raise InvalidInput(f"{workflow['metadata']['name']} has no pod for a node {node!r}; nodes with pods: {known}")
    return sorted(chosen, key=lambda n: (n.get("startedAt") or "~", n["name"]))
