"""`retrain demo`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import click

from retrain.cli.options import nearest


@click.command()
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".retrain/demo"),
    show_default=True,
    callback=nearest,
    help="Folder of the demo's state; emptied at every start.",
)
@click.option("--keep", is_flag=True, help="Leave the engine running at the end, to look around.")
def demo(state: Path, keep: bool) -> None:
    """Real flights land in a bucket; a model is trained, compared and promoted. Under 3 minutes.

    \b
    retrain demo
    retrain demo --keep    # then: eval "$(retrain env --state .retrain/demo)"
    """
    from retrain.demo import story

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped then, too
    story.play(state, keep)
