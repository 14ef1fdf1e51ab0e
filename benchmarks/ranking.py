"""python -m benchmarks.ranking [--rows 500000] [--out benchmarks/results/ranking.json]

The example of docs/howto/rank-lists.md on made sessions: `mean_rank` on test beside that of lists in no order, the seconds of a run, and
whether a training that is stopped after its first epoch, and started again, ends in the same model as one that was not. The model is to be
better than its baseline by the whole interval, and the models are to be the same. A target that is missed is said, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from handlers import try_
from handlers.contracts import logged_by
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.parse import parse
from handlers.storage import FolderStore, read_json

ROOT = Path(__file__).parents[1]
HOWTO = ROOT / "docs" / "howto"


def shown(page: str, after: str = "") -> str:
    """The first YAML that the page shows, of what comes after a text."""
    text = (HOWTO / page).read_text(encoding="utf-8")
    return text[text.index(after) :].split("```yaml\n")[1].split("```")[0]


def sessions(rows: int, folder: Path) -> list[Path]:
    made: Any = importlib.util.spec_from_file_location("sessions", HOWTO / "sessions.py")
    module = importlib.util.module_from_spec(made)
    made.loader.exec_module(module)
    found: list[Path] = module.main(rows, str(folder))
    return found


def resumed(spec: ModelSpec, bucket: Path, dataset: str, trial: dict[str, Any]) -> tuple[str, bool]:
    """(state, stopped): the model of a training in another process that was stopped after its first epoch, and started again."""
    command = [sys.executable, "-m", "handlers.train", "--model", spec.name, "--spec", spec.text(), "--dataset", dataset]
    command += ["--trial", json.dumps(trial), "--run", "again", "--result-out", str(bucket / "result")]
    environment = {**os.environ, "RETRAIN_BUCKET": f"file://{bucket}"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    for line in process.stderr or ():
        if json.loads(line)["event"] == "epoch":
            process.send_signal(signal.SIGTERM)
            break
    process.communicate()
    stopped = process.returncode == 143
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    name = json.loads((bucket / "result").read_text(encoding="utf-8"))["trial"]
    return read_json(FolderStore(bucket), f"trials/{spec.name}/{name}/result.json")["state"], stopped


def measured(spec: ModelSpec, rows: int) -> dict[str, Any]:
    """What the spec's winner is worth on made sessions, and how it went on after a stop."""
    with tempfile.TemporaryDirectory() as place, logged_by(lambda _event, _facts: None):
        folder = Path(place)
        files = sessions(rows, folder)
        began = time.monotonic()
        run = try_.try_out(spec, {"incoming": files}, folder / "kept")
        seconds = round(time.monotonic() - began, 1)
        verdict, bucket = run["verdict"], folder / "kept" / "bucket"
        winner = read_json(FolderStore(bucket), f"trials/{spec.name}/{verdict['winner']['trial']}/result.json")
        shutil.rmtree(bucket / "trials")
        params = {name: value for name, value in winner["params"].items() if name in (spec.search.grid or {})}
        state, stopped = resumed(spec, bucket, verdict["dataset"], {"id": "again", "params": params})
    return {
        "python": platform.python_version(),
        "rows": run["rows"],
        "seconds": seconds,
        "metrics": {name: each["challenger"] for name, each in verdict["metrics"].items()},
        "baseline": verdict["baseline"]["values"],
        "stopped_and_resumed": stopped,
        "same_state": state == winner["state"],
    }


def report(found: dict[str, Any], out: Path | None) -> None:
    """Say what was found, write it, and end with 1 where a target is missed."""
    mean_rank, baseline = found["metrics"]["mean_rank"], found["baseline"]["mean_rank"]
    within = f"{mean_rank['value']:.3f} [{mean_rank['low']:.3f}, {mean_rank['high']:.3f}]"
    print(f"{sum(found['rows'].values()):,} rows in {found['seconds']} s: mean_rank {within}")
    print(f"lists in no order: {baseline:.3f}; stopped and resumed: {found['stopped_and_resumed']}, the same model: {found['same_state']}")
    if out:
        out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if not (mean_rank["high"] < baseline and found["stopped_and_resumed"] and found["same_state"]):
        print("missed: a mean_rank below that of lists in no order, and the same model after a stop")
        sys.exit(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    report(measured(parse(shown("rank-lists.md")), given.rows), given.out)


if __name__ == "__main__":
    main()
