"""`retrain trials`."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack

import click

from localargo import LocalArgoError
from retrain.answers.bucket import bucket_of_model
from retrain.cli import completion, under_way
from retrain.cli.models._answers import run_name, show
from retrain.cli.options import output_option, place_option
from retrain.client.connect import argo_server
from retrain.client.place import Place
from retrain.client.workflows import ENDED, phase
from retrain.display.picture import Lines
from retrain.display.tables import answered, terminal_width


@click.command()
@click.argument("run", shell_complete=completion.workflows)
@click.option("--watch", "watched", is_flag=True, help="Until the run has ended: drawn again and again; off a terminal a line for news.")
@output_option("text", "wide")
@place_option
def trials(run: str, watched: bool, output: str, place: Place) -> None:
    """List the trials of a run with their metric on valid; the winner and the champion are marked. Of a run that has not been judged it
    says how far they are: epoch, metric, rows a second, and the time that is left at the most.

    \b
    retrain trials retrain-flight-delay-176391234
    retrain trials @latest --watch
    """
    name = run_name(run, place)
    if watched:
        if output not in ("text", "wide"):
            raise click.UsageError(f"--watch: draws a table, not {output}; leave one of the two out")
        _watch(place, name)
    show(place, output, "trials", name)


def _watch(place: Place, run: str) -> None:
    """Show how the trials go until the run has ended."""
    bucket = bucket_of_model(place)
    seen: dict[str, Sequence[str]] = {}
    with ExitStack() as drawn:
        picture = drawn.enter_context(Lines()) if sys.stdout.isatty() else None
        while True:
            shown = under_way.trials(bucket, run)
            if picture is not None:
                picture.show(answered(shown, terminal_width()))
            else:
                for line in under_way.news(seen, shown):
                    click.echo(line)
            if shown["outcome"] != "running" or _ended(place, run):
                return
            time.sleep(under_way.EVERY_SECONDS)


def _ended(place: Place, run: str) -> bool:
    """Whether the run's Workflow has ended: one that has failed may leave no result."""
    try:
        return phase(argo_server(place).workflow(run)) in ENDED
    except LocalArgoError:  # no engine here, or it no longer has the Workflow: the bucket alone tells
        return False
