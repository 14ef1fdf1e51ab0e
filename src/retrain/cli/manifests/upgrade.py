"""`retrain upgrade`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from localargo import InvalidInput
from retrain.cli.loading import list_models

if TYPE_CHECKING:
    from retrain.project.upgrade import Change

WORDS = {"new": "new", "changed": "changed", "gone": "removed", "edited": "edited here"}


@click.command()
@click.option("--yes", is_flag=True, help="Write without asking.")
@click.option(
    "--edited",
    type=click.Choice(["refuse", "keep", "overwrite"]),
    default="refuse",
    show_default=True,
    help="What to do with files that you and the new release have changed.",
)
def upgrade(yes: bool, edited: str) -> None:
    """Bring the manifests of the installed release into this project: show the difference, ask, and write.

    base/, overlays/, .github/workflows/lint.yml and requirements.txt are compared with what `retrain init` or the last upgrade wrote.
    What only you have changed stays as it is. Exit 1 when there was something to write and nobody said yes.

    \b
    retrain upgrade
    retrain upgrade --edited keep
    """
    from retrain.project import brought
    from retrain.project.upgrade import carry_out, changes, texts

    here = Path()
    last = brought.recorded(here)
    if last is None:
        raise InvalidInput(f"no {brought.RECORD} here: `retrain init DIR` makes a project, and a clone is brought up to date by git")
    fresh = brought.files()
    found = list(changes(last.files, texts(here, {*last.files, *fresh}), fresh))
    for change in found:
        click.echo(change.shown(), nl=False)
    ours = [change for change in found if change.kind == "edited"]
    if ours and edited == "refuse":
        raise InvalidInput(
            f"{', '.join(change.path for change in ours)}: you have changed what the new release changes, too: nothing was written. "
            "`--edited keep` leaves your files as they are, `--edited overwrite` takes the release's"
        )
    wanted = [change for change in found if change.kind != "edited" or edited == "overwrite"]
    if found and not (yes or _said_yes(wanted)):
        click.echo("nothing was written; `--yes` writes without asking", err=True)
        sys.exit(1)
    carry_out(here, wanted, fresh)
    list_models()
    click.echo(
        f"{_counted(wanted)}: the manifests are those of retrain {brought.version()}" + (f" (before: {last.version})" if found else "")
    )


def _said_yes(wanted: Sequence[Change]) -> bool:
    return sys.stdin.isatty() and click.confirm(f"write this ({_counted(wanted)})?", err=True)


def _counted(wanted: Sequence[Change]) -> str:
    number = {word: sum(WORDS[change.kind] == word for change in wanted) for word in WORDS.values()}
    return ", ".join(f"{count} {word}" for word, count in number.items() if count) or "nothing to write"
