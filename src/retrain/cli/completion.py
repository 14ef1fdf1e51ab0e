"""What the shell's completion offers for names: the Workflows and models of the engine that runs on the state folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from localargo import LocalArgoError

if TYPE_CHECKING:
    from retrain.cli.client import Client

Offer = Callable[[click.Context, click.Parameter, str], list[str]]


def offer(names: Callable[[Client], Iterable[str]]) -> Offer:
    """An argument's `shell_complete`: what begins with the word under the cursor; nothing where no engine answers."""

    def complete(ctx: click.Context, parameter: click.Parameter, word: str) -> list[str]:
        from retrain.cli.client import Client

        try:
            return [name for name in names(Client(ctx.params.get("state") or Path(".retrain"))) if name.startswith(word)]
        except LocalArgoError:
            return []

    return complete


def _workflows(client: Client) -> list[str]:
    return ["@latest", *(w["metadata"]["name"] for w in client.objects("Workflow"))]


workflows = offer(_workflows)
models = offer(lambda client: client.models() or [])
sources = offer(lambda client: sorted({s["source"] for s in client.call("GET", "/localargo/v1/info").get("sources") or []}))
