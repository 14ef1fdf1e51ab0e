"""`retrain apply`."""

from __future__ import annotations

from pathlib import Path

import click

from localargo import refuse
from retrain.cli.loading import known, load
from retrain.cli.options import manifests, state_option
from retrain.client.connect import local_engine

KINDS = ("WorkflowTemplate", "ClusterWorkflowTemplate", "ConfigMap", "EventSource", "EventBus")  # what documents refer to


@click.command()
@click.argument("files", nargs=-1, type=manifests)
@state_option
def apply(files: tuple[Path, ...], state: Path) -> None:
    """Create or change documents in the running engine: FILES or folders, by default overlays/laptop.

    \b
    retrain apply
    retrain apply my-template.yaml
    """
    from localargo import check

    engine = local_engine(state)
    found = load(files)
    stored = [doc for kind in KINDS for doc in engine.objects(kind)]
    refuse([f for f in check(found, known(stored, found)) if f.severity in ("error", "unsupported")])
    for applied in engine.apply([d.doc for d in found]):
        click.echo(f"{applied['kind'].lower()}/{applied['metadata']['name']} {applied.get('result', 'applied')}")
