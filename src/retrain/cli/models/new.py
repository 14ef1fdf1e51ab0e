"""`retrain new`."""

from __future__ import annotations

import click

from retrain.project.manifests import MODELS
from retrain.project.new_model import TASKS, write_spec


@click.command()
@click.argument("name")
@click.option("--task", type=click.Choice(sorted(TASKS)), default="binary", show_default=True)
def new(name: str, task: str) -> None:
    """Write models/NAME.yaml, a spec to fill in, and list it in models/kustomization.yaml.

    \b
    retrain new churn --task binary
    """
    path = write_spec(MODELS, name, task)
    click.echo(f"{path} written and listed. Next: name your columns in it, then `retrain try {path} YOUR.csv`")
