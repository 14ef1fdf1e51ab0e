"""`retrain try`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from localargo import InvalidInput
from retrain.cli.options import output_option
from retrain.project.manifests import MODELS
from retrain.project.questions import try_spec

INVALID = (2, 65, 78)  # exit codes of a handler that was given something wrong


def spec_of(given: Path) -> Path:
    """The file of a spec that is given by its path or by its model's name."""
    named = MODELS / f"{given}.yaml"
    found = given if given.is_file() or not named.is_file() else named
    if not found.is_file():
        raise click.BadParameter(f"{str(given)!r} does not exist, and neither does {str(named)!r}")
    return found


@click.command(name="try")
@click.argument("spec", metavar="SPEC|NAME", type=click.Path(path_type=Path), callback=lambda _ctx, _parameter, value: spec_of(value))
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--rows", type=click.IntRange(min=1), help="Take about N rows, evenly spread over the files.")
@output_option("text")
def try_(spec: Path, files: tuple[Path, ...], rows: int | None, output: str) -> None:
    """Run a spec on local files in one process, before anything is put in a bucket. NAME stands for models/NAME.yaml.

    \b
    retrain try churn customers.csv
    retrain try models/flight-delay.yaml 2013-01.csv 2013-02.csv --rows 20000
    """
    code, answer, failed = try_spec(spec, files, rows, output)
    click.echo(answer, nl=False)
    if failed:
        click.echo(failed, err=True)
    if code in INVALID:
        sys.exit(InvalidInput.exit_code)
    sys.exit(1 if code else 0)
