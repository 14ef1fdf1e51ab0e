"""`retrain report`."""

from __future__ import annotations

import json
import webbrowser
from pathlib import Path

import click

from localargo import NotFound
from retrain.cli import completion
from retrain.cli.models._answers import run_name
from retrain.cli.options import place_option
from retrain.client.connect import bucket_environment, bucket_of
from retrain.client.place import Place
from retrain.project.questions import ask


@click.command()
@click.argument("name", default="@latest", metavar="[RUN|MODEL]", shell_complete=completion.followed)
@click.option("-o", "--output", "file", type=click.Path(dir_okay=False, path_type=Path), help="The file to write, instead of RUN.html.")
@click.option("--open", "opened", is_flag=True, help="Show it in the browser.")
@place_option
def report(name: str, file: Path | None, opened: bool, place: Place) -> None:
    """Fetch the report of a run: one HTML file that needs nothing else. Of a model it is that of its last run that has one.

    \b
    retrain report flight-delay --open
    retrain report @latest -o report.html
    """
    key = _key(name, place)
    path = (file or Path(f"{key.split('/')[-2]}.html")).resolve()
    bucket_of(place).download(key, path)
    click.echo(path)
    if opened:
        webbrowser.open(path.as_uri())


def _key(name: str, place: Place) -> str:
    """Where the bucket has the report. Raises NotFound where there is none."""
    whole, bucket = run_name(name, place), bucket_of(place)
    rows = json.loads(ask(bucket_environment(place), "runs"))["runs"]
    keys = [f"runs/{row['model']}/{row['run']}/report.html" for row in rows if whole in (row["run"], row["model"])]
    if not keys:
        raise NotFound(f"there is no run or model {whole!r} in the bucket: `retrain runs` lists them")
    found = next(filter(bucket.exists, keys), None)
    if found is None:
        raise NotFound(f"{whole!r} has no report yet: `retrain runs` shows how its runs ended")
    return found
