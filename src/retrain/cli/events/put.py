"""`retrain put`."""

from __future__ import annotations

from pathlib import Path

import click

from localargo import NotFound
from retrain.cli import completion
from retrain.cli.options import place_option
from retrain.client.connect import bucket_of, models
from retrain.client.place import Place
from retrain.project.landing import starts_nothing


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--model", shell_complete=completion.models, help="The model whose data it is: objects become incoming/<model>/<file name>.")
@click.option("--key", help="The object's whole key instead (one file).")
@place_option
def put(files: tuple[Path, ...], model: str | None, key: str | None, place: Place) -> None:
    """Upload files to the bucket where a model's data lands. Each is an event; of a batch only the `_READY` that ends it. Any other S3
    client does the same (`retrain env`).

    \b
    retrain put 2013-01.csv 2013-02.csv --model flight-delay
    retrain put 2013-01.csv --key batches/flight-delay/2013/01.csv
    retrain put empty --key batches/flight-delay/2013/_READY
    """
    if (model is None) == (key is None):
        raise click.UsageError("give either --model or --key")
    if key is not None and len(files) > 1:
        raise click.UsageError("--key names one object: give one file")
    if key is not None and any(part in ("", ".", "..") for part in key.split("/")):
        raise click.BadParameter(f"{key!r} has an empty part, `.` or `..`", param_hint="--key")
    bucket = bucket_of(place)
    known = models(place)
    if model is not None:
        _check_model(model, place)
    for file in files:
        to = key or f"incoming/{model}/{file.name}"
        bucket.upload(file, to)
        click.echo(f"{file} -> s3://{bucket.name}/{to} ({file.stat().st_size} bytes)")
        warning = starts_nothing(to, known)
        if warning:
            click.echo(f"warning: {warning}", err=True)


def _check_model(model: str, place: Place) -> None:
    """Refuse a model whose spec the engine does not have; without a ConfigMap `models` any name is accepted."""
    there = models(place)
    if there is not None and model not in there:
        known = ", ".join(there) or "none yet"
        raise NotFound(f"there is no model {model!r}; there are: {known}. `retrain apply` loads the specs of models/ into an engine")
