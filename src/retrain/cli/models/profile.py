"""`retrain profile`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from retrain.cli import completion
from retrain.cli.options import place_option
from retrain.client.connect import bucket_environment
from retrain.client.place import Place
from retrain.display import output as printing
from retrain.display.tables import answered, terminal_width
from retrain.project.questions import profile as asked


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="MODEL|FILE...", shell_complete=completion.models)
@click.option(
    "-o", "--output", type=click.Choice(["text", "wide", "html", "json", "yaml"]), default="text", show_default=True, help="How to print."
)
@place_option
def profile(names: tuple[str, ...], output: str, place: Place) -> None:
    """Show what the columns of FILES hold, or of the data that MODEL has learned from: types, missing and distinct values, quantiles.

    Of a model each snapshot is described, and what changed between the last two. `-o html` is one page with charts. A distinct number
    after `~` is an estimate.

    \b
    retrain profile customers.csv
    retrain profile churn -o html > churn.html
    """
    files = [name for name in names if Path(name).is_file()]
    if files and len(files) < len(names):
        raise click.UsageError(f"{next(name for name in names if name not in files)!r} is no file; name files, or one model")
    if not files and len(names) > 1:
        raise click.UsageError("name one model, or files that exist")
    kind = "files" if files else "model"
    bucket = {} if files else bucket_environment(place)
    answer = asked(kind, names, bucket, {"yaml": "json", "text": "shown"}.get(output, output))
    if output in ("json", "yaml"):
        printing.emit(json.loads(answer), output)
    elif output == "text":
        for part in json.loads(answer):
            click.echo("".join(f"{line}\n" for line in answered(part, terminal_width())), nl=False)
    else:
        click.echo(answer, nl=False)
