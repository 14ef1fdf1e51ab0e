"""`retrain logs`."""

from __future__ import annotations

from collections.abc import Iterator

import click

from localargo import InvalidInput, NotFound
from retrain.cli.options import name_argument, place_option
from retrain.client.connect import argo_server
from retrain.client.place import Place
from retrain.client.protocol import ArgoServer, Doc
from retrain.client.workflows import changes, find, pod_name


@click.command()
@name_argument
@click.argument("node", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on until the Workflow has ended.")
@click.option("-c", "--container", default="main", show_default=True, help="Which container of the pods.")
@place_option
def logs(name: str, node: str | None, follow: bool, container: str, place: Place) -> None:
    """Print the logs of a Workflow's pods, or of one node (its display name, node name or id; the containers of a set are nodes too).

    \b
    retrain logs @latest train --follow
    """
    server = argo_server(place)
    workflow = find(server, name)
    for current, each, alone in _followed(server, workflow, node) if follow else _now(workflow, node):
        pod, of = each, container
        if each["type"] == "Container":
            pod, of = current["status"]["nodes"][each["boundaryID"]], each["displayName"]
        prefix = "" if alone else click.style(f"{each.get('displayName')}: ", fg="cyan")
        try:
            for line in server.log(current["metadata"]["name"], pod_name(current, pod), of, follow):
                click.echo(prefix + line)
        except NotFound as error:
            if alone:
                raise
            click.echo(f"{prefix}{error}", err=True)


def _now(workflow: Doc, node: str | None) -> Iterator[tuple[Doc, Doc, bool]]:
    """The Workflow, a node, and whether it is the only one, for each node whose logs are asked for."""
    chosen = _chosen(workflow, node)
    if node is not None and not chosen:
        pods = (n for n in ((workflow.get("status") or {}).get("nodes") or {}).values() if n.get("type") in ("Pod", "Container"))
        known = ", ".join(sorted({str(n.get("displayName")) for n in pods})) or "none yet"
        raise InvalidInput(f"{workflow['metadata']['name']} has no pod for a node {node!r}; nodes with pods: {known}")
    for each in chosen:
        yield workflow, each, len(chosen) == 1


def _followed(server: ArgoServer, workflow: Doc, node: str | None) -> Iterator[tuple[Doc, Doc, bool]]:
    """As `_now`, with the nodes that begin later, until the Workflow has ended."""
    seen: set[str] = set()
    current = workflow
    for current in changes(server, workflow["metadata"]["name"]):
        chosen = _chosen(current, node)
        for each in chosen:
            if each["id"] not in seen and each.get("phase") != "Pending":  # which may have no pod yet
                seen.add(each["id"])
                yield current, each, len(chosen) == 1
    if not seen:
        yield from _now(current, node)


def _chosen(workflow: Doc, node: str | None) -> list[Doc]:
    """The nodes whose logs are asked for, in the order of their start."""
    nodes = (workflow.get("status") or {}).get("nodes", {})
    pods = [n for n in nodes.values() if n.get("type") == "Pod" or (n.get("type") == "Container" and node is not None)]
    chosen = [
        n for n in pods if node in (None, n.get("displayName"), n["name"], n["id"]) or str(n.get("displayName", "")).startswith(f"{node}(")
    ]
    return sorted(chosen, key=lambda n: (n.get("startedAt") or "~", n["name"]))
