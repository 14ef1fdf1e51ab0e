"""`retrain model`."""

from __future__ import annotations

from pathlib import Path

import click

from retrain.answers.bucket import bucket_of_model
from retrain.cli import completion
from retrain.cli.models._answers import tell
from retrain.cli.options import output_option, place_option
from retrain.client.place import Place
from retrain.project.questions import own_file

name_argument = click.argument("name", metavar="NAME[@champion|@N|@TRIAL]", shell_complete=completion.models)


@click.group()
def model() -> None:
    """Trained models: those that were champions, what they are, and their folders, which stand alone.

    \b
    retrain model show flight-delay
    """


@model.command(name="list")
@click.argument("name", required=False, shell_complete=completion.models)
@output_option("text", "wide")
@place_option
def list_(name: str | None, output: str, place: Place) -> None:
    """List the champions that a model has had, or all models; the newest first.

    \b
    retrain model list flight-delay
    """
    tell(bucket_of_model(place), output, "model", "list", *([name] if name else []))


@model.command()
@name_argument
@output_option("text", "wide")
@place_option
def show(name: str, output: str, place: Place) -> None:
    """Show what a trained model is: its metrics, its threshold, the columns that it reads, and what each feature is worth to it.

    NAME alone is the champion, NAME@3 was the third one, NAME@TRIAL is any trained trial. `-o wide` adds coefficients.

    \b
    retrain model show flight-delay
    retrain model show flight-delay@2 -o wide
    """
    tell(bucket_of_model(place, name), output, "model", "show", name, *own_file(name))


@model.command()
@name_argument
@click.option("--to", type=click.Path(path_type=Path), metavar="FOLDER", help="Where to; by default ./NAME.")
@output_option("text", "wide")
@place_option
def get(name: str, to: Path | None, output: str, place: Place) -> None:
    """Write the folder of a trained model, each file checked by its digest. It needs neither this product nor its bucket.

    In it, `python predict.py ROWS.csv` predicts with the packages of requirements.txt, and `mlflow.pyfunc.load_model(FOLDER)` loads it.

    \b
    retrain model get flight-delay --to champion/
    retrain model get flight-delay@2
    """
    folder = to or Path(name.rstrip("/").rpartition("/")[2].replace("@", "-"))
    tell(bucket_of_model(place, name), output, "model", "get", name, "--to", str(folder), *own_file(name))


@model.command()
@click.argument("name", metavar="NAME", shell_complete=completion.models)
@click.option("--to", type=int, metavar="N", required=True, help="The number of the champion to go back to: `retrain history NAME`.")
@click.option("--reason", metavar="TEXT", required=True, help="Why; the history keeps it.")
@output_option("text", "wide")
@place_option
def rollback(name: str, to: int, reason: str, output: str, place: Place) -> None:
    """Make an earlier champion the champion again, as a new entry of the history.

    Runs that are under way and those to come compare with it. What the newer one learned stays trained: a run trains when something is
    new.

    \b
    retrain model rollback flight-delay --to 2 --reason "the third misses storms"
    """
    tell(bucket_of_model(place), output, "model", "rollback", name, "--to", str(to), "--reason", reason)


@model.command()
@click.argument("name", metavar="NAME", shell_complete=completion.models)
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output_option("text", "wide")
@place_option
def delete(name: str, dry_run: bool, yes: bool, output: str, place: Place) -> None:
    """Remove a model from the bucket: champions and their history, runs, trials, data, predictions. What was uploaded stays.

    It is refused while a run is under way. While `models/NAME.yaml` is there, the next event or tick trains the model anew.

    \b
    retrain model delete flight-delay --dry-run
    """
    bucket = bucket_of_model(place)
    if not dry_run and not yes:
        tell(bucket, "text", "model", "delete", name, "--dry-run")
        click.confirm("Remove it for good?", abort=True)
    tell(bucket, output, "model", "delete", name, *(["--dry-run"] if dry_run else []))
