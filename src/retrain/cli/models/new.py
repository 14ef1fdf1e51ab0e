"""`retrain new`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from retrain.project.manifests import MODELS
from retrain.project.new_model import TASKS, place, template, write
from retrain.project.questions import Undecided, new_spec

ASKED = ("target", "task", "time")


@click.command()
@click.argument("name")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--target", default="", metavar="COLUMN", help="What is predicted.")
@click.option(
    "--task",
    type=click.Choice(sorted(TASKS)),
    help="What kind of thing it is; without FILES the template's.  [default: guessed, or binary]",
)
@click.option("--time", default="", metavar="COLUMN|none", help="When a row happened, for a split by time; none for a split without one.")
@click.option("--group", default="", metavar="COLUMN", help="Rows of one value belong together; of --task ranking they are one list.")
@click.option("--force", is_flag=True, help="Write over a spec that is there.")
def new(name: str, files: tuple[Path, ...], target: str, task: str | None, time: str, group: str, force: bool) -> None:
    """Look at FILES and write models/NAME.yaml, a spec that runs on them, and list it in models/kustomization.yaml.

    FILES are CSV, Parquet or JSON Lines. Types, missing values, target, task and split are guessed, and each guess is explained in the
    spec. At a terminal you are asked; elsewhere the best guess is taken. Without FILES the spec is a template to fill in.

    \b
    retrain new churn customers.csv
    retrain new churn customers.csv --target churned --time none
    retrain new offers sessions.parquet --task ranking --group session_id --target ordered
    """
    path = place(MODELS, name, force)
    if not files:
        if target or time or group:
            raise click.UsageError("--target, --time and --group are about FILES: name some")
        write(path, template(name, task or "binary"))
        click.echo(f"{path} written and listed. Next: name your columns in it, then `retrain try {path} YOUR.csv`")
        return
    decided = {"target": target, "task": task or "", "time": time, "group": group}
    if sys.stdin.isatty() and sys.stderr.isatty():
        answer = _asked(name, files, decided)
    else:
        answer = new_spec(name, files, decided)
        for what, choice in answer["choices"].items():
            click.echo(f"{what}: {_told(choice)}" + ("" if choice["given"] else f"; --{what} decides otherwise"), err=True)
    write(path, answer["text"])
    click.echo(f"{path} written and listed. Next: `retrain try {name} {shlex.join(map(str, files))}`")


def _told(choice: Mapping[str, Any]) -> str:
    others = f"; else {', '.join(choice['others'])}" if choice["others"] else ""
    return f"{choice['value']} ({choice['why']}{others})"


def _asked(name: str, files: tuple[Path, ...], decided: Mapping[str, str]) -> dict[str, Any]:
    """Ask for what was not decided, the guess as the default. What cannot be is told, and asked for again."""
    answer = _unless_wrong(name, files, decided) if not decided["target"] else new_spec(name, files, decided)
    for what in (what for what in ASKED if not decided[what]):
        while True:
            guess = answer["choices"][what] if answer else None
            said: str = click.prompt(f"{what}: {_told(guess)}" if guess else what, default=guess and guess["value"], err=True)
            if guess and said == guess["value"]:
                break
            fresh = _unless_wrong(name, files, {**decided, what: said})
            if fresh:
                answer, decided = fresh, {**decided, what: said}
                break
    return answer or new_spec(name, files, decided)


def _unless_wrong(name: str, files: tuple[Path, ...], decided: Mapping[str, str]) -> dict[str, Any] | None:
    try:
        return new_spec(name, files, decided)
    except Undecided as error:
        click.echo(str(error), err=True)
        return None
