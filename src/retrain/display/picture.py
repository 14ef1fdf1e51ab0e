"""Workflows drawn live on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click

from localargo import NotFound
from retrain.display import tree

if TYPE_CHECKING:
    from rich.text import Text

    from localargo import Engine

Doc = dict[str, Any]
MOMENT = 0.2  # seconds in which many changes are drawn as one
REFRESH = 4  # a second, so that durations grow while nothing else changes
DISPENSABLE = ("✔", "○")  # marks of the nodes that are left out first on a small screen


class Picture(AbstractContextManager["Picture"]):
    """The trees of some Workflows on a terminal, with lines `below`, redrawn when one changes and as time goes by; erased at the end."""

    def __init__(self, stderr: bool = False, below: Callable[[], Sequence[str]] = tuple) -> None:
        from rich.console import Console
        from rich.live import Live

        self._workflows: dict[str, Doc] = {}
        self._below = below
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
        """Draw the Workflow as it is now."""
        self._workflows = {**self._workflows, workflow["metadata"]["name"]: workflow}
        self._live.refresh()

    def attend(self, engine: Engine) -> None:
        """Draw each Workflow of an engine in this process a moment after it has changed."""
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
        below = list(self._below())
        drawn = [*fit(lines, self._console.height - 1 - len(below)), *below]
        return Text.from_ansi("\n".join(drawn), no_wrap=True, overflow="ellipsis")


class Lines(AbstractContextManager["Lines"]):
    """Lines on a terminal, drawn in place of those before; erased at the end."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._live = Live(console=Console(), auto_refresh=False, transient=True, vertical_overflow="crop")

    def __enter__(self) -> Lines:
        self._live.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._live.__exit__(kind, error, trace)

    def show(self, lines: Sequence[str]) -> None:
        from rich.text import Text

        self._live.update(Text.from_ansi("\n".join(lines), no_wrap=True, overflow="ellipsis"), refresh=True)


@contextmanager
def live(margin: str = "", below: Callable[[], Sequence[str]] = tuple) -> Iterator[Callable[[Doc], None]]:
    """What shows Workflows while they run: their trees, drawn in place with lines `below`, at a terminal; elsewhere a line, after `margin`,
    for each step that begins or ends."""
    if sys.stdout.isatty():
        with Picture(below=below) as picture:
            yield picture.show
        return
    seen: dict[str, str] = {}

    def tell(workflow: Doc) -> None:
        for line in tree.news(seen, workflow):
            click.echo(margin + line)

    yield tell


def fit(lines: Sequence[str], height: int) -> list[str]:
    """At most `height` lines, the last of which says how many are left out: first nodes that are done, from the top, then the rest
    from the bottom."""
    spare = len(lines) - max(height, 1)
    if spare <= 0:
        return list(lines)
    spare += 1  # the line that says so
    done = [i for i, line in enumerate(lines) if click.unstyle(line).lstrip(" │├└─").startswith(DISPENSABLE)][:spare]
    kept = [line for i, line in enumerate(lines) if i not in set(done)]
    kept = kept[: len(lines) - spare]
    return [*kept, f"… {len(lines) - len(kept)} more lines: `retrain get` shows all"]
