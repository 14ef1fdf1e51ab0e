"""`retrain predict`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from retrain.answers.bucket import bucket_of_model
from retrain.cli import completion
from retrain.cli.options import place_option
from retrain.client.place import Place
from retrain.project.questions import predictions


@click.command()
@click.argument("name", metavar="NAME[@champion|@N|@TRIAL]", shell_complete=completion.models)
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE...")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write here: .parquet, .jsonl, else CSV. By default to the screen."
)
@click.option("--proba", is_flag=True, help="Add the probability of the positive class, or of each class.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "wide", "json"]),
    default="text",
    show_default=True,
    help="wide: the columns that were read stand before the predictions; json: an object a line.",
)
@place_option
def predict(name: str, files: tuple[Path, ...], out: Path | None, proba: bool, output: str, place: Place) -> None:
    """Predict for the rows of FILES (CSV, Parquet, JSON Lines) with a trained model of the bucket; no engine need run.

    NAME alone is the champion, NAME@3 was the third one, NAME@TRIAL is any trained trial; a folder of `retrain model get` and
    s3://BUCKET/models/NAME are taken too. FILES have the columns of the spec's features, as `retrain model show` lists them; other columns
    do no harm. The columns of data.key stand before the predictions. An interrupted command leaves no half of a file.

    \b
    retrain predict flight-delay tomorrow.csv
    retrain predict flight-delay@2 tomorrow.parquet --proba --out late.parquet
    """
    sys.exit(predictions(bucket_of_model(place, name), name, files, out, proba=proba, output=output))
