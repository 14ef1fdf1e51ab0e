"""`retrain gc`."""

from __future__ import annotations

import click

from retrain.answers.bucket import bucket_of_model
from retrain.cli import completion
from retrain.cli.models._answers import tell
from retrain.cli.options import output_option, place_option
from retrain.client.place import Place


@click.command()
@click.argument("name", required=False, metavar="[MODEL]", shell_complete=completion.models)
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option(
    "--keep-runs", type=click.IntRange(min=1), default=10, show_default=True, metavar="N", help="The last runs of each model stay."
)
@click.option("--older-than", type=click.FloatRange(min=0), default=7.0, show_default=True, metavar="DAYS", help="What is younger stays.")
@output_option("text", "wide")
@place_option
def gc(name: str | None, dry_run: bool, keep_runs: int, older_than: float, output: str, place: Place) -> None:
    """Remove from the bucket what no champion and none of the last runs needs: trials, datasets, parts, snapshots.

    All champions there have been stay, with their trials and data; so do uploads, predictions, and what runs have said: request, verdict,
    result, report. Whatever is removed can be made again from the uploads. A model with a run under way is left alone.

    \b
    retrain gc --dry-run
    retrain gc flight-delay --keep-runs 3 --older-than 30
    """
    given = [*([name] if name else []), "--keep-runs", str(keep_runs), "--older-than", str(older_than)]
    tell(bucket_of_model(place), output, "model", "gc", *given, *(["--dry-run"] if dry_run else []))
