"""`retrain put`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from localargo import NotFound
from retrain.cli import completion
from retrain.cli.options import place_option
from retrain.client.connect import argo_server, bucket_of, models, spec_files
from retrain.client.place import Place
from retrain.client.workflows import ENDED, next_run, phase
from retrain.project.landing import READY, starts_nothing, trigger_prefix


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--model",
    shell_complete=completion.models,
    help="The model whose data it is: objects land under the prefix of its spec, usually incoming/<model>/<file name>.",
)
@click.option("--batch", metavar="NAME", help=f"Of a model whose data lands in batches: the files are this batch, and {READY} ends it.")
@click.option("--key", help="The object's whole key instead (one file).")
@click.option("--watch", "watched", is_flag=True, help="Show the run that these files start until it ends; exit 1 unless it succeeds.")
@place_option
def put(files: tuple[Path, ...], model: str | None, batch: str | None, key: str | None, watched: bool, place: Place) -> None:
    """Upload files to the bucket where a model's data lands. Each is an event; of a batch only the `_READY` that ends it. Any other S3
    client does the same (`retrain env`).

    \b
    retrain put 2013-01.csv 2013-02.csv --model flight-delay --watch
    retrain put mon.csv tue.csv --model visits --batch week-14
    retrain put 2013-01.csv --key batches/flight-delay/2013/01.csv
    retrain put empty --key batches/flight-delay/2013/_READY
    """
    if (model is None) == (key is None):
        raise click.UsageError("give either --model or --key")
    if key is not None and len(files) > 1:
        raise click.UsageError("--key names one object: give one file")
    if watched and model is None:
        raise click.UsageError("--watch shows a run of a model: give --model")
    names = [file.name for file in files]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise click.UsageError(f"two of the files are called {twice}, and so would be one object: put them one by one with --key")
    if key is not None and batch is not None:
        raise click.UsageError("--key says it all: give --batch with --model")
    for option, text in (("--key", key), ("--batch", batch)):
        if text is not None and any(part in ("", ".", "..") for part in text.split("/")):
            raise click.BadParameter(f"{text!r} has an empty part, `.` or `..`", param_hint=option)
    bucket = bucket_of(place)
    known = models(place)
    folder = "" if model is None else _folder(model, batch, place)
    ended = _ended(place) if watched else set()
    for file in files:
        to = key or f"{folder}{file.name}"
        bucket.upload(file, to)
        click.echo(f"{file} -> s3://{bucket.name}/{to} ({file.stat().st_size} bytes)")
        warning = "" if batch is not None else starts_nothing(to, known)
        if warning:
            click.echo(f"warning: {warning}", err=True)
    if batch is not None:
        bucket.put(f"{folder}{READY}", b"")
        click.echo(f"{READY} -> s3://{bucket.name}/{folder}{READY}: the batch is complete")
    if watched:
        sys.exit(_watch(place, {str(model), folder.split("/")[1]}, ended))


def _ended(place: Place) -> set[str]:
    """The Workflows that no upload of now can start."""
    return {w["metadata"]["name"] for w in argo_server(place).workflows().items if phase(w) in ENDED}


def _watch(place: Place, names: set[str], ended: set[str]) -> int:
    """Show the run; `names` are those that a Workflow may know its model by. An exit code."""
    from retrain.cli.following import follow, outcome

    server = argo_server(place)
    last = follow(server, next_run(server, names, ended))
    for line in outcome(place, last):
        click.echo(line)
    return 0 if phase(last) == "Succeeded" else 1


def _folder(model: str, batch: str | None, place: Place) -> str:
    """Where files of a model land: the prefix of its spec, and below batches/ the batch.

    Refuses a model whose spec the place does not have; without a ConfigMap `models` any name is accepted.
    """
    there = spec_files(place)
    if there is not None and f"{model}.yaml" not in there:
        known = ", ".join(models(place) or ()) or "none yet"
        raise NotFound(f"there is no model {model!r}; there are: {known}. `retrain apply` loads the specs of models/ into an engine")
    prefix = trigger_prefix((there or {}).get(f"{model}.yaml", "")) or f"incoming/{model}/"
    if prefix.startswith("batches/"):
        if batch is None:
            raise click.UsageError(f"the data of {model} land in batches ({prefix}): name this one by --batch NAME")
        return f"{prefix}{batch}/"
    if batch is not None:
        raise click.UsageError(f"the data of {model} land under {prefix}, each file by itself: leave out --batch")
    return prefix
