"""python -m benchmarks.interleavings [SEEDS] [--first SEED] [--more] [--planted] [--out benchmarks/results/interleavings.json]

Plays simulated histories of the protocol (tests/simulation): a seed each decides what somebody does with the data, which events are lost,
doubled or late, whose request to the bucket comes next, and what goes wrong with it. Writes what was played and what was wrong; `--more`
goes on after the last seed of the file and adds up, and `--first` begins at another seed. `--planted` counts the seeds until each planted
bug is found instead.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

SAVED = 1000  # seeds after which the file is written
BOUND = 5000  # seeds in which a planted bug must be found


def play(first: int, count: int, figures: dict[str, Any], out: Path) -> None:
    """Play so many seeds and add what they show to the figures."""
    from tests.simulation.explore import explorer

    faults: Counter[str] = Counter(figures["faults"])
    began, before = time.process_time(), figures["cpu_seconds"]
    with explorer() as playing:
        for seed in range(first, first + count):
            world, wrong = playing.play(seed)
            faults.update(happened.split()[0] for happened in world.faults.happened)
            figures["seeds"] += 1
            figures["changes"] += len(world.changes)
            figures["workflows"] += world.engine.ended
            figures["turns"] += world.scheduler.turns
            figures["claims_taken_over"] += world.watch.takeovers
            figures["promotions"] += len(world.watch.history())
            figures["events_delivered"] += world.receiver.arrived
            figures["past_states"] += len(world.past)
            figures["wrong"] += [f"seed {seed}: {each}" for each in wrong]
            if (seed + 1) % SAVED == 0 or seed + 1 == first + count:
                figures["faults"] = dict(sorted(faults.items()))
                figures["cpu_seconds"] = round(before + time.process_time() - began, 1)
                out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
                print(f"{figures['seeds']} seeds, {len(figures['wrong'])} wrong", flush=True)


def find(out: Path, figures: dict[str, Any]) -> None:
    """The number of seeds that each planted bug needs, and what is seen of it."""
    from tests.simulation.explore import explorer
    from tests.simulation.planted import PLANTED, planted

    figures["planted"] = {}
    with explorer() as playing:
        for name in PLANTED:
            with planted(name):
                found = next(((seed, wrong) for seed in range(BOUND) if (wrong := playing.play(seed)[1])), None)
            figures["planted"][name] = {"seeds": found[0] + 1, "seen": found[1][0]} if found else None
            print(f"{name}: {figures['planted'][name]}", flush=True)
    out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seeds", type=int, nargs="?", default=10_000)
    parser.add_argument("--first", type=int, default=0, metavar="SEED")
    parser.add_argument("--more", action="store_true")
    parser.add_argument("--planted", action="store_true")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "interleavings.json")
    given = parser.parse_args()
    known = json.loads(given.out.read_text(encoding="utf-8")) if given.out.exists() else {}
    names = ("seeds", "changes", "workflows", "turns", "claims_taken_over", "promotions", "events_delivered", "past_states")
    fresh = {**dict.fromkeys(names, 0), "cpu_seconds": 0.0, "faults": {}, "wrong": [], "planted": known.get("planted", {})}
    figures = known if known and (given.more or given.planted) else fresh
    if given.planted:
        find(given.out, figures)
        return 0 if all(figures["planted"].values()) else 1
    play(given.first + figures["seeds"], given.seeds, figures, given.out)
    return 1 if figures["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
