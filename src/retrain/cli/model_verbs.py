"""Verbs about models: try, new, models, runs, trials, why. The handlers answer, as they would on a cluster; here it is drawn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click

from localargo import InvalidInput, LocalArgoError, NotFound, Unavailable
from retrain.cli import completion
from retrain.cli import output as printing
from retrain.cli.client import Client
from retrain.cli.event_verbs import bucket_environment
from retrain.cli.files import need_handlers
from retrain.cli.options import output_option, state_option


def ask(state: Path, *arguments: str, output: str = "json") -> str:
    """What `python -m handlers.why ... -o text|json` answers about the state's bucket."""
    need_handlers()
    command = [sys.executable, "-m", "handlers.why", *arguments, "-o", output]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **bucket_environment(state)})
    if ended.returncode == 0:
        return ended.stdout
    reason = _reason(ended.stderr).replace("python -m handlers.why", "retrain")
    kinds: dict[int, type[LocalArgoError]] = {2: NotFound, 65: InvalidInput, 75: Unavailable, 78: InvalidInput}
    raise kinds.get(ended.returncode, LocalArgoError)(reason)


def show(state: Path, output: str, *arguments: str) -> None:
    """Print an answer: the handler's own words for people, its JSON for machines."""
    if output == "text":
        click.echo(ask(state, *arguments, output="text"), nl=False)
    else:
        printing.emit(json.loads(ask(state, *arguments)), output)


def _run(name: str, state: Path) -> str:
    """`@latest` is the run of the Workflow created last; any other name is itself."""
    return str(Client(state).workflow(name)["metadata"]["name"]) if name == "@latest" else name


def _reason(stderr: str) -> str:
    """The last sentence that the handler said."""
    for line in reversed(stderr.strip().splitlines()):
        try:
            said = json.loads(line)
        except ValueError:
            return line
        if "message" in said:
            return str(said["message"])
    return "the handler said nothing"


@click.command()
@output_option("text")
@state_option
def models(output: str, state: Path) -> None:
    """The models of the bucket and their champions.

    \b
    retrain models
    """
    show(state, output, "models")


@click.command()
@click.argument("model", required=False, shell_complete=completion.models)
@output_option("text")
@state_option
def runs(model: str | None, output: str, state: Path) -> None:
    """The runs of a model (of all models): what was decided and with which numbers.

    \b
    retrain runs flight-delay
    """
    show(state, output, "runs", *([model] if model else []))


@click.command()
@click.argument("run", shell_complete=completion.workflows)
@output_option("text")
@state_option
def trials(run: str, output: str, state: Path) -> None:
    """The trials of a run with their metric on the validation days; the winner and the champion are marked.

    \b
    retrain trials retrain-flight-delay-176391234
    retrain trials @latest
    """
    show(state, output, "trials", _run(run, state))


@click.command()
@click.argument("name", shell_complete=completion.models)
@output_option("text")
@state_option
def why(name: str, output: str, state: Path) -> None:
    """Why this model is the champion and the last challenger is (not): NAME is a model, a run or a trial.

    \b
    retrain why flight-delay
    retrain why retrain-flight-delay-176391234 -o json
    """
    show(state, output, "any", _run(name, state))


@click.command(name="try")
@click.argument("spec", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--rows", type=click.IntRange(min=1), help="Take about N rows, evenly spread over the files.")
@output_option("text")
def try_(spec: Path, files: tuple[Path, ...], rows: int | None, output: str) -> None:
    """Run a spec on local files in one process, before anything is put in a bucket.

    \b
    retrain try models/flight-delay.yaml 2013-01.csv 2013-02.csv --rows 20000
    """
    need_handlers()
    command = [sys.executable, "-m", "handlers.try_", str(spec), *map(str, files), *(["--rows", str(rows)] if rows else []), "-o", output]
    ended = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE if output != "text" else None)
    click.echo(ended.stdout.decode(errors="replace"), nl=False)
    if ended.returncode and ended.stderr:
        click.echo(_reason(ended.stderr.decode(errors="replace")), err=True)
    if ended.returncode in (2, 65, 78):
        sys.exit(InvalidInput.exit_code)
    sys.exit(1 if ended.returncode else 0)


TEMPLATE = """apiVersion: retrain/v1
kind: Model
metadata: {{name: {name}}}
spec:
  task: {task}
  data:
    sources:
      incoming:
        prefix: incoming/{name}/
        format: csv
        csv: {{nulls: ["", NA]}}
        columns: {{happened_at: timestamp, amount: float, kind: string, {target}: {target_type}}} # the columns of your files
    target: {target_spec}
    split: {{by: time, column: happened_at, timezone: UTC, part: day, gap: 1d, valid: 7d, test: 7d}}
  features:
    amount: {{type: number, missing: mean, scale: standard}}
    kind: {{type: category, default: UNK, min_count: 20}}
  model: {{estimator: {estimator}, params: {params}}}
  training: {{epochs: 5, early_stopping: {{patience: 2}}}}
  evaluate: {{select_by: {metric}, interval: {{cluster: day}}}}
  promote: {{gate: {{metric: {metric}, {bar}, confidence: 0.9}}}}
"""
TASKS = {
    "binary": {
        "target": "label",
        "target_type": "boolean",
        "target_spec": "{column: label, classes: [false, true], positive: true}",
        "estimator": "sklearn.linear_model.SGDClassifier",
        "params": "{loss: log_loss, average: true}",
        "metric": "roc_auc",
        "bar": "at_least: 0.6",
    },
    "regression": {
        "target": "value",
        "target_type": "float",
        "target_spec": "{column: value}",
        "estimator": "sklearn.linear_model.SGDRegressor",
        "params": "{average: true}",
        "metric": "mae",
        "bar": "at_most: 100",
    },
}


@click.command()
@click.argument("name")
@click.option("--task", type=click.Choice(sorted(TASKS)), default="binary", show_default=True)
def new(name: str, task: str) -> None:
    """Write models/NAME.yaml, a spec to fill in, and list it.

    \b
    retrain new churn --task binary
    """
    import re

    from retrain.project.models import sync

    if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?", name):
        raise click.BadParameter("a model's name is at most 40 lower-case letters, digits and inner hyphens", param_hint="NAME")
    path = Path("models") / f"{name}.yaml"
    if not path.parent.is_dir():
        raise click.UsageError("no models/ here: go to the folder of your repository")
    if path.exists():
        raise InvalidInput(f"{path} is there already")
    path.write_text(TEMPLATE.format(name=name, task=task, **TASKS[task]), encoding="utf-8")
    sync(path.parent)
    click.echo(f"{path} written and listed. Next: name your columns in it, then `retrain try {path} YOUR.csv`")
