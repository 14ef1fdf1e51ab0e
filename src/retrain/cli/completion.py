"""What the shell's completion offers for names: the Workflows, models and sources of the engine that runs on the state folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import click

from localargo import LocalArgoError
from retrain.client.connect import argo_server, local_engine
from retrain.client.workflows import LATEST

OFFERED = 100  # Workflows, the newest

Offer = Callable[[click.Context, click.Parameter, str], list[str]]


def offer(names: Callable[[Path], Iterable[str]]) -> Offer:
    """An argument's `shell_complete`: what begins with the word under the cursor; nothing where no engine answers."""

    def complete(ctx: click.Context, parameter: click.Parameter, word: str) -> list[str]:
        try:
            return [name for name in names(ctx.params.get("state") or Path(".retrain")) if name.startswith(word)]
        except LocalArgoError:
            return []

    return complete


def _workflows(state: Path) -> list[str]:
    return [LATEST, *(w["metadata"]["name"] for w in argo_server(state).workflows(limit=OFFERED).items)]


workflows = offer(_workflows)
models = offer(lambda state: local_engine(state).models() or [])
sources = offer(lambda state: sorted({s["source"] for s in local_engine(state).sources()}))
