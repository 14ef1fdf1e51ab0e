"""`retrain stop-trial`."""

from __future__ import annotations

import click

from retrain.answers.bucket import bucket_of_model
from retrain.cli import completion
from retrain.cli.models._answers import run_name, tell
from retrain.cli.options import output_option, place_option
from retrain.client.place import Place


@click.command(name="stop-trial")
@click.argument("run", shell_complete=completion.workflows)
@click.argument("trial")
@click.option("--reason", metavar="TEXT", required=True, help="Why; `retrain trials` shows it.")
@output_option("text")
@place_option
def stop_trial(run: str, trial: str, reason: str, output: str, place: Place) -> None:
    """Stop one trial of a run that goes badly; the others go on. TRIAL is the beginning of its name, as `retrain trials RUN` lists it.

    It is a word in the bucket, which the training looks for: no rights on the cluster are needed. The trial ends within seconds, keeps its
    epochs up to the best one and is judged by them. One whose first epoch has not ended is lost for the run.

    \b
    retrain stop-trial @latest 3f0c --reason "it overfits since epoch 2"
    """
    tell(bucket_of_model(place), output, "stop_trial", run_name(run, place), trial, "--reason", reason)
