"""One scenario played on a real engine, with kills or without, and what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from localargo.bucket.seaweedfs import SeaweedFS
from tests.campaign import clocks
from tests.campaign.invariants import Objects, again, events, wrong
from tests.campaign.scenario import MODELS, Action, script
from tests.campaign.site import Site, until
from tests.campaign.victims import Killer

ENDED = ("Succeeded", "Failed", "Error")
LONG = 900.0  # seconds for the trouble to be over, and for what it has left to be made good
KINDS = ALONE, SHARED, APART = "one engine", "two engines", "clocks apart"
AHEAD = 30  # seconds
TICK = 6.0  # seconds between two ticks of heal while what is undone is waited for


@dataclass
class Played:
    """`trouble`: how often what went wrong; `digests`: of what the champions have learned; `outcomes`: how runs ended."""

    seconds: float = 0.0
    actions: int = 0
    trouble: dict[str, int] = field(default_factory=dict)
    engines: int = 0
    runs: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    promotions: int = 0
    trained_again: int = 0
    digests: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


class Trouble(Protocol):
    """What goes wrong meanwhile. `over`: nothing is left of it; `end` returns when nothing goes wrong any more."""

    @property
    def over(self) -> bool: ...

    @property
    def counted(self) -> dict[str, int]: ...

    def start(self) -> None: ...

    def end(self) -> None: ...


def killed(
    folder: Path, seed: int, *, kills: int, length: int, digests: dict[str, str] | None = None, kind: str = ALONE, epochs: int = 40
) -> Played:
    """Play the script of a seed in an empty folder while processes are killed; `digests` are the champions' of the quiet run.

    Of two engines that share a bucket only processes of the first are killed; with clocks apart it is that one whose clock is ahead.
    """
    actions = script(seed, length)
    if kind == ALONE:
        site = Site(folder, epochs)
        return play([site], Killer(site, kills, seed), actions, digests)
    server = SeaweedFS(folder / "bucket", "retrain", "RETRAIN_BUCKET")
    bucket = asyncio.run(server.start())
    try:
        sites = [Site(folder / str(number), epochs, bucket) for number in range(2)]
        if kind == APART:
            sites[0].repository.environment.update(clocks.ahead(AHEAD, sites[0].folder))
        return play(sites, Killer(sites[0], kills, seed), actions, digests)
    finally:
        asyncio.run(server.stop())


def play(sites: Sequence[Site], trouble: Trouble, actions: list[Action], digests: dict[str, str] | None) -> Played:
    """Play a script on sites that share a bucket: objects are put once, and the other events go to one after the other."""
    began, turns = time.monotonic(), itertools.cycle(sites)
    with contextlib.ExitStack() as running:
        for site in sites:
            running.enter_context(site)
        trouble.start()
        try:
            for action in actions:
                time.sleep(action.pause)
                next(turns).do(action)
            rest = Rest(sites)
            until(lambda: trouble.over or rest(), rest.missing, pause=1.0, patience=LONG)
        finally:
            trouble.end()
        rest = Rest(sites)
        until(rest, rest.missing, pause=1.0, patience=LONG)
        with contextlib.closing(sites[0].s3()) as client:
            objects = Objects(client)
    done = Played(round(time.monotonic() - began, 1), len(actions), trouble.counted)
    done.engines = sum(len(site.codes) for site in sites)
    done.wrong = wrong(objects, digests)
    for site in sites:
        done.wrong += events(site.state, site.answered) + site.broken()
    results = [each for model in MODELS for each in objects.named(f"runs/{model}/", "/result.json")]
    done.runs, done.outcomes = len(results), dict(Counter(each["outcome"] for each in results))
    done.promotions = sum(len(objects.named(f"models/{model}/history/", ".json")) for model in MODELS)
    done.trained_again = len(again([site.state for site in sites]))
    done.digests = {model: objects.digest(model) for model in MODELS}
    return done


def running(site: Site) -> list[str]:
    """The Workflows that have not ended."""
    return [w["metadata"]["name"] for w in site.workflows() if (w.get("status") or {}).get("phase") not in ENDED]


def settled(site: Site) -> bool:
    """Whether no event waits and no Workflow runs, and the last data is trained."""
    lag = any(row["lag"] for row in site.local().events(1)["triggers"])
    if lag or running(site):
        return False
    with contextlib.closing(site.s3()) as client:
        objects = Objects(client)
    return all(objects.has_learned_the_last_state(model) for model in MODELS)


class Rest:
    """Whether nothing is left to do on any site. While something is, ticks of heal come as they would in hours."""

    def __init__(self, sites: Sequence[Site]) -> None:
        self._sites = sites
        self._ticked = time.monotonic()

    def __call__(self) -> bool:
        if all(settled(site) for site in self._sites):
            return True
        if time.monotonic() - self._ticked > TICK:
            self._ticked = time.monotonic()
            for site in self._sites:
                if not any(name.startswith("heal-") for name in running(site)):
                    site.do(Action("tick", "", "schedule/heal"))
        return False

    def missing(self) -> str:
        return "".join(f"the site does not come to rest: {left(site)}\n" for site in self._sites)


def left(site: Site) -> str:
    """What keeps a site from resting."""
    with contextlib.closing(site.s3()) as client:
        objects = Objects(client)
    undone = [model for model in MODELS if not objects.has_learned_the_last_state(model)]
    return f"lag {site.local().events(1)['triggers']}, running {running(site)}, not trained {undone}\n{site.log()}"
