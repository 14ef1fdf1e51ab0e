"""`retrain render`."""

from __future__ import annotations

from pathlib import Path

import click

from retrain.cli.options import manifests, output_option
from retrain.project.manifests import documents


@click.command()
@click.argument("files", nargs=-1, type=manifests)
@output_option("yaml")
def render(files: tuple[Path, ...], output: str) -> None:
    """Print the documents that `up` would run: FILES or folders, by default overlays/laptop.

    \b
    retrain render overlays/kind | kubectl apply --server-side -f -
    """
    from retrain.display.output import emit

    found = [d.doc for d in documents(files)]
    if output == "json":
        emit({"apiVersion": "v1", "kind": "List", "items": found}, "json")
        return
    for i, doc in enumerate(found):
        if i:
            click.echo("---")
        emit(doc, "yaml")
