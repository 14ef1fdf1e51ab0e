"""`retrain submit`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from localargo import Document, InvalidInput, refuse
from retrain.cli.following import ended
from retrain.cli.loading import known
from retrain.cli.options import assignments, manifests, output_option, parameter_option, place_option
from retrain.cli.workflows._documents import engine
from retrain.cli.workflows._given import names, with_values
from retrain.client.connect import argo_server
from retrain.client.place import Cluster, Place
from retrain.client.protocol import ArgoServer
from retrain.client.workflows import phase
from retrain.display import tree


@click.command()
@click.argument("files", nargs=-1, type=manifests)
@click.option("--from", "template", metavar="workflowtemplate/NAME", help="Submit a Workflow that refers to a WorkflowTemplate.")
@parameter_option
@click.option("--name", help="metadata.name of the Workflow.")
@click.option("--wait", "wait_", is_flag=True, help="Wait for the end; exit 1 unless it succeeds.")
@click.option("--watch", "watch_", is_flag=True, help="Show the tree while it runs.")
@output_option("name", "wide")
@place_option
def submit(
    files: tuple[Path, ...],
    template: str | None,
    given: tuple[str, ...],
    name: str | None,
    wait_: bool,
    watch_: bool,
    output: str,
    place: Place,
) -> None:
    """Create Workflows from files or from a template. Templates and other documents in the files are stored first.

    \b
    retrain submit hello.yaml -p message=hi --wait
    retrain submit --from workflowtemplate/retrain -p model=flight-delay
    """
    if bool(files) == bool(template):
        raise click.UsageError("give files, or --from workflowtemplate/NAME")
    found = with_values(files, given) if files else [_referring(str(template), given)]
    workflows = [d for d in found if d.kind == "Workflow"]
    if not workflows:
        raise InvalidInput(f"{names(files)}: no Workflow in it; `retrain apply` stores templates and other documents")
    if name and len(workflows) > 1:
        raise click.UsageError(f"--name names one Workflow: there are {len(workflows)} in the files")
    server = argo_server(place)
    _store(server, found, place)
    created = []
    for workflow in workflows:
        if name:
            workflow.doc["metadata"] = {**workflow.doc.get("metadata", {}), "name": name}
        created.append(server.create(workflow.doc))
    shown = ended(server, [w["metadata"]["name"] for w in created], watch_) if wait_ or watch_ else created
    tree.show(shown, output)
    if (wait_ or watch_) and any(phase(w) != "Succeeded" for w in shown):
        sys.exit(1)


def _store(server: ArgoServer, found: Sequence[Document], place: Place) -> None:
    """Store what the Workflows come with. What `argo submit` would refuse is refused first, with file and line, before anything is stored.

    Raises InvalidInput, Unsupported.
    """
    from localargo import check

    others = [d for d in found if d.kind not in ("Workflow", "WorkflowTemplate")]
    holder = engine(place, others[0].kind) if others else None  # Argo Server stores no other kind
    stored = known([*server.templates(), *server.cluster_templates()], found)
    findings = [f for f in check(list(found), stored) if f.severity in ("error", "unsupported")]
    refuse([f for f in findings if f.severity == "error"] if isinstance(place, Cluster) else findings)
    for document in found:
        if document.kind == "WorkflowTemplate":
            server.store_template(document.doc)
    if holder:
        holder.apply([d.doc for d in others])


def _referring(template: str, given: tuple[str, ...]) -> Document:
    """A Workflow that refers to the template."""
    from retrain.client.workflows import with_parameters

    kind, _, name = template.rpartition("/")
    if kind not in ("", "workflowtemplate") or not name:
        raise click.BadParameter(f"{template!r} is not workflowtemplate/NAME", param_hint="--from")
    workflow = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": f"{name}-"},
        "spec": {"workflowTemplateRef": {"name": name}},
    }
    return Document(with_parameters(workflow, assignments(given)), f"--from {template}", {})
