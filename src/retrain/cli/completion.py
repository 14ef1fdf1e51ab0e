"""What the shell's completion offers for names: the Workflows, models and sources of the engine that runs on the state folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import click

from localargo import LocalArgoError
from retrain.client import connect
from retrain.client.connect import argo_server, local_engine
from retrain.client.place import Cluster, Place
from retrain.client.workflows import LATEST

OFFERED = 100  # Workflows, the newest

Offer = Callable[[click.Context, click.Parameter, str], list[str]]


def offer(names: Callable[[Place], Iterable[str]]) -> Offer:
    """An argument's `shell_complete`: what begins with the word under the cursor; nothing where neither engine nor cluster answers."""

    def complete(ctx: click.Context, parameter: click.Parameter, word: str) -> list[str]:
        try:
            return [name for name in names(_place(ctx)) if name.startswith(word)]
        except LocalArgoError:
            return []

    return complete


def _place(ctx: click.Context) -> Place:
    """What the words before the cursor name."""
    if context := ctx.params.get("context"):
        return Cluster(context, ctx.params.get("namespace") or "")
    return Path(ctx.params.get("state") or ".retrain")


def _workflows(place: Place) -> list[str]:
    return [LATEST, *(w["metadata"]["name"] for w in argo_server(place).workflows(limit=OFFERED).items)]


def _models(place: Place) -> list[str]:
    return (connect.models(place) or []) if isinstance(place, Path) else []


def _sources(place: Place) -> set[str]:
    return {s["source"] for s in local_engine(place).sources()} if isinstance(place, Path) else set()


def _events(place: Place) -> list[str]:
    return [each["id"] for each in local_engine(place).events(OFFERED)["events"]] if isinstance(place, Path) else []


def _followed(place: Place) -> list[str]:
    """What `why` takes, but for objects: models, runs, events."""
    return [*_models(place), *_workflows(place), *_events(place)]


workflows = offer(_workflows)
followed = offer(_followed)
events = offer(_events)
models = offer(_models)
sources = offer(lambda place: sorted(_sources(place)))
