"""python -m benchmarks.halving [--months 12] [--out benchmarks/results/halving.json]

Successive halving beside the whole grid, on the flights of the demo: the demo's model without early stopping, with its own grid of 6
trials and with one of 24. Of each: the epochs that were trained, the seconds, the winner, and its metric on valid. Of the
demo's grid halving is to find the best trial in at most 40 % of the epochs; of the wide one, whose best trials differ little, it is shown
what may be lost. A target that is missed is said, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from handlers import try_
from handlers.contracts import logged_by
from handlers.modelspec import yaml12
from handlers.modelspec.parse import parse
from retrain.demo.flights import months

ROOT = Path(__file__).parents[1]
MOST = 0.40
GRIDS: dict[str, dict[str, list[Any]]] = {
    "demo": {"alpha": [1e-6, 1e-5, 1e-4], "penalty": ["l1", "l2"]},
    "wide": {
        "alpha": [1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2],
        "penalty": ["l1", "l2"],
        "learning_rate": ["optimal", "adaptive"],
        "eta0": [0.01],
    },
}


def tried(files: Sequence[Path], search: Mapping[str, Any]) -> dict[str, Any]:
    """What a run with this search trains and finds."""
    tree: Any = yaml12.load((ROOT / "models" / "flight-delay.yaml").read_text(encoding="utf-8"))
    tree["spec"]["search"] = search
    del tree["spec"]["training"]["early_stopping"]
    epochs = 0

    def count(event: str, _facts: Mapping[str, Any]) -> None:
        nonlocal epochs
        epochs += event == "epoch"

    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, logged_by(count):
        found = try_.try_out(parse(json.dumps(tree)), {"incoming": list(files)}, Path(folder))
    winner = found["verdict"]["winner"]
    seconds = round(time.monotonic() - began, 1)
    return {"epochs": epochs, "seconds": seconds, "winner": winner["params"], "valid": winner["valid"], "rows": found["rows"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    found: dict[str, Any] = {"python": platform.python_version(), "months": given.months, "target": MOST}
    missed = False
    with tempfile.TemporaryDirectory() as folder:
        files = months(Path(folder), given.months)
        for name, grid in GRIDS.items():
            whole, halved = tried(files, {"grid": grid}), tried(files, {"grid": grid, "halving": {"eta": 3, "min_epochs": 1}})
            share = halved["epochs"] / whole["epochs"]
            same = halved["winner"] == whole["winner"]
            found[name] = {"grid": whole, "halving": halved, "share": round(share, 4), "same_winner": same}
            who = f"{'the same' if same else 'another'} winner: {halved['winner']}"
            lost = whole["valid"] - halved["valid"]
            print(f"{name}: {halved['epochs']} of {whole['epochs']} epochs ({share:.0%}), {who}, {lost:.4f} less on valid", flush=True)
            missed |= share > MOST or (name == "demo" and not same)
    if given.out:
        given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if missed:
        print(f"missed: the grid's best trial in at most {MOST:.0%} of its epochs")
        sys.exit(1)


if __name__ == "__main__":
    main()
