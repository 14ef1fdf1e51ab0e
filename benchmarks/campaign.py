"""python benchmarks/campaign.py [KILLS] [--more] [--each 40] [--seed 0] [--kind KIND] [--out benchmarks/results/campaign.json]

Plays scenarios on a real engine with its real bucket (tests/campaign): uploads, the same again, other content, deletions, webhooks and
ticks of two models, while the engine, its pod hosts, the handlers in each stage, the bucket's server and who listens to it are killed with
SIGKILL at random instants and a supervisor starts the engine again. Every third scenario has two engines that share a bucket, of which one
is killed, every sixth with its clock 30 s ahead (Linux; `apt-get install faketime`); KIND plays one of `one engine`, `two engines` and
`clocks apart` alone. Writes what was killed during which stage and what did not hold afterwards; `--more` goes on after the last seed of
the file and adds up. The exit code is 1 when something did not hold.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

LENGTH = 16  # actions of a script before those that lead to the last state
EPOCHS = 100  # a training of seconds, so that kills meet it
TURNS = ("one engine", "two engines", "one engine", "one engine", "clocks apart", "one engine")


def commit() -> str:
    """What is checked out; with a + where files differ from it."""
    words = (["git", "rev-parse", "--short=12", "HEAD"], ["git", "status", "--porcelain", "--untracked-files=no"])
    head, changed = (subprocess.run(each, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip() for each in words)
    return head + "+" * any(not line.endswith(".json") for line in changed.splitlines())


def start(out: Path, *, more: bool, seed: int) -> dict[str, Any]:
    """The figures so far: of the file, or those of the quiet run alone."""
    from tests.campaign.play import killed

    if more:
        found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
        return found
    with tempfile.TemporaryDirectory(prefix="retrain-campaign-") as folder:
        quiet = killed(Path(folder) / "quiet", seed, kills=0, length=LENGTH, epochs=EPOCHS)
    if quiet.wrong:
        raise SystemExit(f"the quiet run is wrong: {quiet.wrong}")
    empty = {
        "kills": 0,
        "scenarios": 0,
        "next_seed": seed,
        "seconds": 0.0,
        "kinds": {},
        "killed": {},
        "stages": {},
        "killed_during": {},
        "engines_started_again": 0,
        "actions": 0,
        "runs": 0,
    }
    return {**empty, "outcomes": {}, "promotions": 0, "trials_trained_again": 0, "wrong": [], "commits": {}, "quiet": quiet.digests}


def add(figures: dict[str, Any], seed: int, kind: str, played: Any, at: str) -> None:
    kills = sum(played.trouble.values())
    whom, when = Counter[str](), Counter[str]()
    for name, count in played.trouble.items():
        who, _, stage = name.partition(" during ")
        whom[who] += count
        when[stage] += count
    for name, value in (
        ("kills", kills),
        ("scenarios", 1),
        ("seconds", played.seconds),
        ("engines_started_again", played.engines),
        ("actions", played.actions),
        ("runs", played.runs),
        ("promotions", played.promotions),
        ("trials_trained_again", played.trained_again),
    ):
        figures[name] = round(figures[name] + value, 1)
    for name, counts in (
        ("kinds", {kind: kills}),
        ("killed", whom),
        ("stages", when),
        ("killed_during", played.trouble),
        ("outcomes", played.outcomes),
        ("commits", {at: kills}),
    ):
        figures[name] = dict(sorted((Counter(figures[name]) + Counter(counts)).items()))
    figures["wrong"] += [f"seed {seed}, {kind}: {each}" for each in played.wrong]
    figures["next_seed"] = seed + 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kills", type=int, nargs="?", default=500, help="of all scenarios together")
    parser.add_argument("--more", action="store_true")
    parser.add_argument("--each", type=int, default=40, help="kills of a scenario")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=sorted(set(TURNS)), help="instead of all in turn")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "campaign.json")
    parser.add_argument("--keep", type=Path, help="a folder where the states of scenarios that were wrong stay")
    given = parser.parse_args()
    from tests.campaign.play import Played, killed

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # no engine is left behind
    at = commit()
    figures = start(given.out, more=given.more, seed=given.seed)
    goal = figures["kills"] * given.more + given.kills
    while figures["kills"] < goal:
        seed = figures["next_seed"]
        with tempfile.TemporaryDirectory(prefix="retrain-campaign-") as name:
            folder = given.keep / str(seed) if given.keep else Path(name) / str(seed)
            kills, kind = min(given.each, goal - figures["kills"]), given.kind or TURNS[seed % len(TURNS)]
            try:
                played = killed(folder, seed, kills=kills, length=LENGTH, digests=figures["quiet"], kind=kind, epochs=EPOCHS)
            except AssertionError as error:  # what was waited for did not come
                played = Played(wrong=[str(error)])
        add(figures, seed, kind, played, at)
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
        print(
            f"seed {seed}, {kind}: {figures['kills']} kills, {played.seconds:.0f} s, {len(figures['wrong'])} wrong {played.wrong}",
            flush=True,
        )
    return 1 if figures["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
