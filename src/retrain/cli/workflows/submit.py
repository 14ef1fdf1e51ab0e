"""`retrain submit`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from localargo import Document, InvalidInput, refuse
from retrain.cli import completion
from retrain.cli.following import ended, outcome
from retrain.cli.loading import known
from retrain.cli.options import assignments, manifests, output_option, parameter_option, place_option
from retrain.cli.workflows._documents import engine
from retrain.cli.workflows._given import names, with_values
from retrain.client.connect import argo_server, models
from retrain.client.place import Cluster, Place
from retrain.client.protocol import ArgoServer
from retrain.client.workflows import asked_by_hand, phase
from retrain.display import tree
from retrain.project.machine import too_large
from retrain.project.manifests import MODELS


@click.command()
@click.argument("names_given", nargs=-1, metavar="[FILES|MODEL]...", shell_complete=completion.models)
@click.option("--from", "template", metavar="workflowtemplate/NAME", help="Submit a Workflow that refers to a WorkflowTemplate.")
@parameter_option
@click.option("--now", is_flag=True, help="Train MODEL whatever its spec's `trigger` says; needs --reason.")
@click.option("--reason", metavar="TEXT", help="Why MODEL is trained; the run keeps it.")
@click.option("--name", help="metadata.name of the Workflow.")
@click.option("--wait", "wait_", is_flag=True, help="Wait for the end; exit 1 unless it succeeds.")
@click.option("--watch", "watch_", is_flag=True, help="Show the tree while it runs.")
@output_option("name", "wide")
@place_option
def submit(
    names_given: tuple[str, ...],
    template: str | None,
    given: tuple[str, ...],
    now: bool,
    reason: str | None,
    name: str | None,
    wait_: bool,
    watch_: bool,
    output: str,
    place: Place,
) -> None:
    """Create Workflows from files or from a template, or the run of a model. Templates and other documents in the files are stored first.

    \b
    retrain submit hello.yaml -p message=hi --wait
    retrain submit --from workflowtemplate/retrain -p model=flight-delay
    retrain submit flight-delay --now --reason "the fair is on Monday"
    """
    if sum(map(bool, (names_given, template))) != 1:
        raise click.UsageError("give files, --from workflowtemplate/NAME, or a MODEL with --reason")
    files: tuple[Path, ...] = ()
    if now or reason is not None:
        found = [run_of(_one_model(names_given, given, place), str(reason or ""), now=now)]
    elif names_given:
        files = tuple(manifests.convert(each, None, None) for each in names_given)
        found = with_values(files, given)
    else:
        found = [_referring(str(template), given)]
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
    if watch_ and output in ("name", "wide"):
        for line in [line for workflow in shown for line in outcome(place, workflow)]:
            click.echo(line)
    if (wait_ or watch_) and any(phase(w) != "Succeeded" for w in shown):
        sys.exit(1)


def _one_model(names_given: tuple[str, ...], given: tuple[str, ...], place: Place) -> str:
    if len(names_given) != 1 or given:
        raise click.UsageError("--now and --reason go with one MODEL and no -p: `retrain submit MODEL --now --reason TEXT`")
    known_models = models(place)
    if known_models is not None and names_given[0] not in known_models:
        raise click.UsageError(f"there is no model {names_given[0]!r}; models: {', '.join(known_models) or 'none yet'}")
    if not isinstance(place, Cluster) and (told := too_large(MODELS / f"{names_given[0]}.yaml")):
        raise InvalidInput(f"{told}: ask for less, or submit it to a cluster")
    return names_given[0]


def run_of(model: str, reason: str, *, now: bool) -> Document:
    """The Workflow of a run that a person asks for, with the event that says why."""
    if not reason.strip():
        raise click.UsageError("--reason TEXT is required with --now: the run keeps why the rules were set aside")
    return Document(asked_by_hand(model, reason, now=now), f"submit {model}", {})


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
