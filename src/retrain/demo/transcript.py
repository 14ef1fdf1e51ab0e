"""Prints the demo's lines and keeps them in a file, without colours."""

from __future__ import annotations

from pathlib import Path

import click

FILE = "transcript.txt"


class Transcript:
    """Everything that the demo says, on the terminal and in `<state>/transcript.txt`."""

    def __init__(self, state: Path) -> None:
        self._path = state / FILE
        self._path.write_text("", encoding="utf-8")

    def say(self, what: str, text: str = "") -> None:
        """A line with its subject in front."""
        self.show(f"{click.style(f'{what:>9}', fg='cyan', bold=True)}  {text}".rstrip())

    def show(self, text: str = "") -> None:
        """Lines as they are."""
        click.echo(text)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(click.unstyle(text) + "\n")
