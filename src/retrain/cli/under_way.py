"""How the trials of a run go, asked again and again while it runs."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import click

from localargo import LocalArgoError
from retrain.client.connect import bucket_environment
from retrain.client.place import Place
from retrain.display.tables import answered, terminal_width
from retrain.project.questions import ask

EVERY_SECONDS = 5.0
# what changes at every look, and is no news
RESTLESS = ("ROWS/S", "LEFT")
Shown = Mapping[str, Any]


def trials(bucket: Mapping[str, str], run: str, model: str = "") -> Shown:
    """The trials of a run as the handlers show them, with the run's `outcome`."""
    found: Shown = json.loads(ask(bucket, "trials", run, *(["--model", model] if model else []), output="shown"))
    return found


def news(seen: dict[str, Sequence[str]], shown: Shown) -> list[str]:
    """A line for each trial that has come further than when it was `seen`."""
    header, lines = shown.get("header", []), []
    if "STATE" not in header:
        return []
    for row in shown["rows"]:
        lasting = [cell for name, cell in zip(header, row, strict=True) if name not in RESTLESS]
        if seen.get(row[0]) != lasting:
            seen[row[0]] = lasting
            lines.append("  ".join(_words(name, cell) for name, cell in zip(header, row, strict=True) if cell))
    return lines


def _words(name: str, cell: str) -> str:
    return cell if name in ("TRIAL", "PARAMS", "STATE", "NOTE") else f"{name.lower().replace(' on valid', '')} {cell}"


class Beside:
    """Asks how the trials of a model's run go, in a thread, while something else shows the run: `lines` is the table as it is now. Off a
    terminal the news are printed. A bucket that does not answer is asked again."""

    def __init__(self, place: Place, run: str, model: str, margin: str = "") -> None:
        self.lines: list[str] = []
        self._place = place
        self._run = run
        self._model = model
        self._margin = margin
        self._seen: dict[str, Sequence[str]] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._looks, name="trials", daemon=True)

    def __enter__(self) -> Beside:
        if self._model:
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._done.set()
        if self._model:
            self._thread.join()

    def _looks(self) -> None:
        while not self._done.wait(EVERY_SECONDS):
            try:
                shown = trials(bucket_environment(self._place), self._run, self._model)
            except LocalArgoError:  # the run has written nothing yet, or the bucket is away
                continue
            if sys.stdout.isatty():
                self.lines = ["", *answered(shown, terminal_width())] if "header" in shown else []
            else:
                for line in news(self._seen, shown):
                    click.echo(self._margin + line)
