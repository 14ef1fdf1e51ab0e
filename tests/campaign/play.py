"""One scenario played on a real engine, with kills or without, and what came of it."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.campaign.invariants import Objects, again, wrong
from tests.campaign.scenario import MODELS, Action, script
from tests.campaign.site import Site, until
from tests.campaign.victims import Killer

ENDED = ("Succeeded", "Failed", "Error")
TICK = 6.0  # seconds between two ticks of heal while what is undone is waited for


@dataclass
class Played:
    """`digests`: of what each champion has learned; `outcomes`: how runs ended; `wrong`: what does not hold."""

    seconds: float = 0.0
    actions: int = 0
    killed: dict[str, int] = field(default_factory=dict)
    engines: int = 0
    runs: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    promotions: int = 0
    trained_again: int = 0
    digests: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


def play(folder: Path, seed: int, *, kills: int, length: int, digests: dict[str, str] | None = None) -> Played:
    """Play the script of a seed in an empty folder; `digests` are the champions' of the quiet run."""
    began = time.monotonic()
    actions = script(seed, length)
    with Site(folder) as site:
        killer = Killer(site, kills, seed)
        killer.start()
        try:
            for action in actions:
                time.sleep(action.pause)
                site.do(action)
            until(lambda: killer.left == 0 or settled(site), site.log, pause=1.0)
        finally:
            killer.enough.set()
            killer.join()
        objects = at_rest(site)
    done = Played(round(time.monotonic() - began, 1), len(actions), dict(killer.killed))
    done.engines = len(site.codes)
    done.wrong = wrong(objects, site.state, site.answered, digests)
    done.wrong += site.broken()
    results = [each for model in MODELS for each in objects.named(f"runs/{model}/", "/result.json")]
    done.runs, done.outcomes = len(results), dict(Counter(each["outcome"] for each in results))
    done.promotions = sum(len(objects.named(f"models/{model}/history/", ".json")) for model in MODELS)
    done.trained_again = len(again(site.state))
    done.digests = {model: objects.digest(model) for model in MODELS}
    return done


def settled(site: Site) -> bool:
    """Whether no event waits and no Workflow runs, and the last data is trained."""
    lag = any(row["lag"] for row in site.local().events(1)["triggers"])
    running = any((w.get("status") or {}).get("phase") not in ENDED for w in site.workflows())
    if lag or running:
        return False
    with contextlib.closing(site.s3()) as client:
        objects = Objects(client)
    return all(objects.has_learned_the_last_state(model) for model in MODELS)


def at_rest(site: Site) -> Objects:
    """The bucket when nothing is left to do; ticks of heal come as they would in hours."""
    ticked = time.monotonic()

    def rests() -> bool:
        nonlocal ticked
        if settled(site):
            return True
        if time.monotonic() - ticked > TICK:
            ticked = time.monotonic()
            site.do(Action("tick", "", "schedule/heal"))
        return False

    until(rests, lambda: f"the site does not come to rest: {left(site)}", pause=1.0)
    with contextlib.closing(site.s3()) as client:
        return Objects(client)


def left(site: Site) -> str:
    """What keeps a site from resting."""
    running = [w["metadata"]["name"] for w in site.workflows() if (w.get("status") or {}).get("phase") not in ENDED]
    with contextlib.closing(site.s3()) as client:
        objects = Objects(client)
    undone = [model for model in MODELS if not objects.has_learned_the_last_state(model)]
    return f"lag {site.local().events(1)['triggers']}, running {running}, not trained {undone}\n{site.log()}"
