"""`retrain snapshot`."""

from __future__ import annotations

import click

from localargo import NotFound
from retrain.cli import completion
from retrain.cli.models._answers import show
from retrain.cli.options import output_option, place_option
from retrain.client.connect import beside, spec_files
from retrain.client.place import Place


@click.command()
@click.argument("model", shell_complete=completion.models)
@output_option("text")
@place_option
def snapshot(model: str, output: str, place: Place) -> None:
    """Show what a run would be trained on now, and why: its decision, and the objects that are new, changed or gone since the champion.

    \b
    retrain snapshot flight-delay
    """
    files = spec_files(place) or {}
    if f"{model}.yaml" not in files:
        known = ", ".join(sorted(name.removesuffix(".yaml") for name in files if name.endswith(".yaml"))) or "none yet"
        raise NotFound(f"there is no model {model!r}; there are: {known}. `retrain apply` loads the specs of models/ into an engine")
    given = [model, "--spec", files[f"{model}.yaml"], *beside(files, model)]
    show(place, output, *given, handler="snapshot")
