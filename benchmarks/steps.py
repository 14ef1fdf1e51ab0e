"""python benchmarks/steps.py [--rounds 5] [--out benchmarks/results/steps.json]

Twenty no-op steps in five levels of four on a warm engine, beside `xargs -P<cores>` running the same
twenty interpreters, in turns in one run.
`handlers`: each step is a `python -m handlers.<name>` that imports what a handler computes with (NumPy, PyArrow, boto3) and ends.
`bare`: the same with an empty module. Prints the medians and engine / xargs; the target holds for the warm handlers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from localargo.engine import Engine
from localargo.manifests.document import Document
from retrain.project.handlers import engine_settings

LEVELS, WIDTH = 5, 4
TARGET = 0.5
MODULES = {"handlers": "import boto3, numpy, pyarrow\n", "bare": ""}
PATIENCE = 120.0


def workflow(module: str, name: str) -> Document:
    step = {"image": "local/python", "command": ["python", "-m", f"handlers.{module}"]}
    levels = [[{"name": f"s{level}-{n}", "template": "step"} for n in range(WIDTH)] for level in range(LEVELS)]
    spec = {"entrypoint": "main", "templates": [{"name": "main", "steps": levels}, {"name": "step", "container": step}]}
    return Document({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": name}, "spec": spec}, "steps.yaml")


def by_xargs(module: str, folder: Path) -> float:
    """Seconds for the twenty interpreters."""
    command = ["xargs", f"-P{os.cpu_count()}", "-I{}", sys.executable, "-m", f"handlers.{module}"]
    began = time.perf_counter()
    subprocess.run(command, input="x\n" * (LEVELS * WIDTH), text=True, check=True, cwd=folder, timeout=PATIENCE)
    return time.perf_counter() - began


async def by_engine(engine: Engine, module: str, name: str) -> float:
    """Seconds from the submission to the Workflow's end."""
    began = time.perf_counter()
    ended = await asyncio.wait_for(engine.run_to_end([workflow(module, name)]), PATIENCE)
    seconds = time.perf_counter() - began
    if ended[0]["status"]["phase"] != "Succeeded":
        raise SystemExit(f"{name}: {ended[0]['status'].get('message')}")
    return seconds


async def measure(folder: Path, rounds: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    async with Engine(folder / "state", settings=engine_settings()) as engine:
        for module in MODULES:
            await by_engine(engine, module, f"warm-{module}")
            await asyncio.to_thread(by_xargs, module, folder)
            ours, theirs = [], []
            for number in range(rounds):
                ours.append(await by_engine(engine, module, f"{module}-{number}"))
                theirs.append(await asyncio.to_thread(by_xargs, module, folder))
            ratio = statistics.median(ours) / statistics.median(theirs)
            found[module] = {"engine_seconds": ours, "xargs_seconds": theirs, "ratio": round(ratio, 3)}
            medians = f"engine {statistics.median(ours):.3f} s, xargs {statistics.median(theirs):.3f} s"
            print(f"{module}: {medians}, ratio {ratio:.2f}", flush=True)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "steps.json")
    given = parser.parse_args()
    out = given.out.resolve()
    with tempfile.TemporaryDirectory(prefix="retrain-") as name:
        folder = Path(name)
        (folder / "handlers").mkdir()
        for module, text in MODULES.items():
            (folder / "handlers" / f"{module}.py").write_text(text)
        (folder / "handlers" / "__init__.py").touch()
        os.chdir(folder)
        found = asyncio.run(measure(folder, given.rounds))
        os.chdir("/")
    met = found["handlers"]["ratio"] <= TARGET
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "load": round(os.getloadavg()[0], 2)}
    out.write_text(json.dumps({"machine": machine, "target_ratio": TARGET, "met": met, **found}, indent=2) + "\n")
    print(f"target for warm handlers: at most {TARGET} x xargs: {'met' if met else 'missed'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
