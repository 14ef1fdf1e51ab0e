"""`retrain init`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR")
def init(folder: Path) -> None:
    """Make a project of your own in DIR: models/, overlays/, and in base/ the manifests of this release.

    It also gets a README, a .gitignore, and a workflow that lints every change. Files that are there are not written over.

    \b
    retrain init my-models
    retrain init .
    """
    from retrain.project.begin import begin

    kept = begin(folder)
    for path in kept:
        click.echo(f"{folder / path} was there and stays as it is", err=True)
    click.echo(f"{folder} is a project now. Next: " + ("" if folder == Path() else f"`cd {folder}`, ") + "`retrain new NAME FILE...`")
