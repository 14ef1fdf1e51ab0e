"""`retrain try`."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from localargo import InvalidInput
from retrain.cli.options import output_option
from retrain.project.manifests import MODELS
from retrain.project.models import sources_of
from retrain.project.questions import try_spec

INVALID = (2, 65, 78)  # exit codes of a handler that was given something wrong


def spec_of(given: Path) -> Path:
    """The file of a spec that is given by its path or by its model's name."""
    named = MODELS / f"{given}.yaml"
    found = given if given.is_file() or not named.is_file() else named
    if not found.is_file():
        raise click.BadParameter(f"{str(given)!r} does not exist, and neither does {str(named)!r}")
    return found


def files_of_sources(ctx: click.Context, _parameter: click.Parameter, word: str) -> list[CompletionItem]:
    """Files, after SOURCE= too, and the names of the spec's sources where it has several."""
    name, named, part = word.partition("=")
    if named:
        folder = Path(part).parent
        there = sorted(path for path in folder.glob("*") if str(path).startswith(part)) if folder.is_dir() else []
        return [CompletionItem(f"{name}={path}/" if path.is_dir() else f"{name}={path}") for path in there]
    spec = ctx.params.get("spec")
    sources = sources_of(spec) if isinstance(spec, Path) else []
    offered = [CompletionItem(f"{source}=") for source in sources if len(sources) > 1 and source.startswith(word)]
    return [*offered, CompletionItem(word, type="file")]


@click.command(name="try")
@click.argument("spec", metavar="SPEC|NAME", type=click.Path(path_type=Path), callback=lambda _ctx, _parameter, value: spec_of(value))
@click.argument("files", metavar="[SOURCE=]FILE...", nargs=-1, required=True, shell_complete=files_of_sources)
@click.option("--rows", type=click.IntRange(min=1), help="Take about N rows, evenly spread over the files of the source that starts runs.")
@output_option("text")
def try_(spec: Path, files: tuple[str, ...], rows: int | None, output: str) -> None:
    """Run a spec on local files in one process, before anything is put in a bucket. NAME stands for models/NAME.yaml.

    SOURCE names one of the spec's data.sources; without it a file is of the one that starts runs. Give each source a file, or several.

    \b
    retrain try churn customers.csv
    retrain try models/flight-delay.yaml 2013-01.csv 2013-02.csv --rows 20000
    retrain try store-sales sales.csv stores=stores.csv
    """
    code, answer, failed = try_spec(spec, files, rows, output)
    click.echo(answer, nl=False)
    if failed:
        click.echo(failed, err=True)
    if code in INVALID:
        sys.exit(InvalidInput.exit_code)
    sys.exit(1 if code else 0)
