"""Follows Workflows to their end: drawn on a terminal, a line for each change elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click

from localargo import NotFound, Unavailable
from retrain.cli import tree
from retrain.cli.client import Client, up
from retrain.cli.output import plain

if TYPE_CHECKING:
    from rich.text import Text

    from localargo import Engine

Doc = dict[str, Any]
DONE = ("Succeeded", "Failed", "Error")
MOMENT = 0.2  # seconds in which many changes are drawn as one
REFRESH = 4  # a second, so that durations grow while nothing else changes
OVER = ("✔", "○")  # marks of what a small screen can do without


class Picture(AbstractContextManager["Picture"]):
    """The trees of some Workflows on a terminal, redrawn when one changes and as time goes by; wiped at the end."""

    def __init__(self, stderr: bool = False) -> None:
        from rich.console import Console
        from rich.live import Live

        self._workflows: dict[str, Doc] = {}
        self._console = Console(stderr=stderr)
        self._live = Live(
            get_renderable=self._draw, console=self._console, refresh_per_second=REFRESH, transient=True, vertical_overflow="crop"
        )

    def __enter__(self) -> Picture:
        self._live.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._live.__exit__(kind, error, trace)

    def show(self, workflow: Doc) -> None:
        """The Workflow as it is now."""
        self._workflows = {**self._workflows, workflow["metadata"]["name"]: workflow}
        self._live.refresh()

    def attend(self, engine: Engine) -> None:
        """Show each Workflow of an engine in this process a moment after it has changed."""
        import asyncio

        changed: set[str] = set()

        def show(name: str) -> None:
            changed.discard(name)
            with suppress(NotFound):  # deleted meanwhile
                self.show(engine.workflow(name))

        def tell(name: str) -> None:
            if name not in changed:
                changed.add(name)
                asyncio.get_running_loop().call_later(MOMENT, show, name)

        engine.on_change(tell)

    def _draw(self) -> Text:
        from rich.text import Text

        lines = [line for workflow in self._workflows.values() for line in ["", *tree.lines(workflow)]][1:]
        return Text.from_ansi("\n".join(fit(lines, self._console.height - 1)), no_wrap=True, overflow="ellipsis")


def fit(lines: Sequence[str], height: int) -> list[str]:
    """At most `height` lines: what is over is left out first, from the top, then what comes last; how much is said."""
    spare = len(lines) - max(height, 1)
    if spare <= 0:
        return list(lines)
    spare += 1  # the line that says so
    over = [i for i, line in enumerate(lines) if click.unstyle(line).lstrip(" │├└─").startswith(OVER)][:spare]
    kept = [line for i, line in enumerate(lines) if i not in set(over)]
    kept = kept[: len(lines) - spare]
    return [*kept, f"… {len(lines) - len(kept)} more lines: `retrain get` shows all"]


def follow(client: Client, name: str) -> Doc:
    """Show the Workflow until it has ended; the Workflow then."""
    if not sys.stdout.isatty():
        return _lines(client, name)
    last: Doc = {}
    try:
        with Picture() as picture:
            for last in changes(client, name):
                picture.show(last)
    finally:
        if last:
            click.echo("\n".join(tree.lines(last)))
    return last


def _lines(client: Client, name: str) -> Doc:
    seen: dict[str, str] = {}
    last: Doc = {}
    for last in changes(client, name):
        for node in (last.get("status") or {}).get("nodes", {}).values():
            if seen.get(node["id"]) != node.get("phase"):
                seen[node["id"]] = node.get("phase", "")
                click.echo(f"{node.get('phase', ''):<10} {plain(node['name'])}  {plain(node.get('message') or '')}".rstrip())
    return last


def changes(client: Client, name: str) -> Iterator[Doc]:
    """The Workflow now and after each change, until it has ended."""
    workflow = client.workflow(name)
    yield workflow
    if (workflow.get("status") or {}).get("phase") in DONE:
        return
    for event in client.events("/api/v1/workflow-events/{ns}", name=name):
        told = event.get("result", event)
        if told.get("object", {}).get("metadata", {}).get("name") == name:
            if told["type"] == "DELETED":
                raise NotFound(f"workflow {name} was deleted while it was watched")
            yield told["object"]
            if (told["object"].get("status") or {}).get("phase") in DONE:
                return
    raise Unavailable(f"the engine ended before {name} did: {up(client.state)} goes on with it")


def until_done(client: Client, name: str) -> Doc:
    """The Workflow when it has ended."""
    *_, last = changes(client, name)
    return last
