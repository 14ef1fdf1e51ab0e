"""python benchmarks/images.py [--builder buildah] [--tag dev] [--rounds 5] [--out benchmarks/results/images.json]

The images that `make images` has built: megabytes over the base image, and the seconds from the start of each step to the first line of
its log, for a run over a small file in a bucket that is a folder. The floor is the start of `sh` in the same image, in the same run. The
user is the image's, and nothing but /tmp can be written where docker runs them. Without images it says so and measures nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from pathlib import Path

MEGABYTES = {"grid": 120, "fetch": 120, "transform": 350, "train": 450, "evaluate": 450, "promote": 450}
BASE = "docker.io/library/python:3.11-slim"
SPEC = """
apiVersion: retrain/v1
kind: Model
metadata: {name: late}
spec:
  task: binary
  data:
    sources:
      incoming: {prefix: incoming/late/, format: csv, columns: {day: date, carrier: string, distance: float, late: boolean}}
    query: {sql: "SELECT day, carrier, distance, late FROM incoming"}
    target: {column: late, classes: [false, true], positive: true}
    split: {by: time, column: day, gap: 1d, valid: 6d, test: 6d}
  features: {carrier: {type: category}, distance: {type: number, scale: standard}}
  model: {estimator: sklearn.linear_model.SGDClassifier, params: {loss: log_loss}, seed: 1}
  training: {epochs: 3, batch_rows: 64}
  evaluate: {select_by: roc_auc}
  promote: {gate: {metric: roc_auc}}
"""


def rows() -> str:
    chance = random.Random(1)
    days = [date(2013, 1, 1) + timedelta(days=n) for n in range(40)]
    made = [(day, chance.choice("AB"), chance.gauss(1000, 300), chance.random()) for day in days for _ in range(40)]
    return "day,carrier,distance,late\n" + "".join(f"{d},{c},{m:.1f},{str(x < 0.3 + 0.4 * (c == 'A')).lower()}\n" for d, c, m, x in made)


class Builder:
    """docker or buildah: the size of an image, and a command in it."""

    def __init__(self, name: str, tag: str) -> None:
        self.name, self.tag = name, tag

    def ask(self, *words: str) -> str:
        return subprocess.run([self.name, *words], capture_output=True, text=True, check=True).stdout.strip()

    def image(self, step: str) -> str:
        return f"docker.io/retrain/{step}:{self.tag}"

    def megabytes(self, image: str) -> float:
        if self.name == "docker":
            return int(self.ask("image", "inspect", "--format", "{{.Size}}", image)) / 1e6
        number, unit = json.loads(self.ask("images", "--json", image))[0]["size"].split()
        return float(number) * {"MB": 1, "GB": 1000}[str(unit)]

    @contextmanager
    def container(self, step: str, tmp: Path) -> Iterator[list[str]]:
        """The words before a command that runs in the image."""
        bucket = "RETRAIN_BUCKET=file:///tmp/bucket"
        if self.name == "docker":
            kept = ["--rm", "--read-only", "--network=none", "-v", f"{tmp}:/tmp", "-e", bucket]
            yield ["docker", "run", *kept, "--entrypoint=env", self.image(step)]
            return
        made = self.ask("from", "--pull-never", self.image(step))
        try:
            yield ["buildah", "run", "-v", f"{tmp}:/tmp", made, "env", bucket]
        finally:
            self.ask("rm", made)


def first_line(command: list[str]) -> float:
    """Seconds from the start of a command to the first line that it prints on standard error."""
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        if process.stderr is None:
            raise AssertionError("standard error is a pipe")
        first, seconds = process.stderr.readline(), time.perf_counter() - begun
        rest = process.stderr.read()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)[:200]} ended with {process.returncode}:\n{first}{rest}")
    return seconds


def a_run(containers: dict[str, list[str]], tmp: Path) -> Iterator[tuple[str, float]]:
    """The steps of a run from file to verdict, each with the seconds to its first line."""
    (tmp / "bucket/incoming/late").mkdir(parents=True)
    (tmp / "bucket/incoming/late/1.csv").write_text(rows(), encoding="utf-8")
    subprocess.run(["chmod", "-R", "a+rwX", str(tmp)], check=True)

    def step(name: str, *words: str, outputs: tuple[str, ...] = ()) -> list[float | str]:
        given = ["python", "-m", f"handlers.{name}", *words]
        wanted = [word for output in outputs for word in (f"--{output}-out", f"/tmp/out/{output}")]
        seconds = first_line([*containers[name], *given, *wanted])
        return [seconds, *((tmp / "out" / output).read_text(encoding="utf-8") for output in outputs)]

    seconds, spec = step("fetch", "spec", "--model", "late", "--spec", SPEC, outputs=("spec",))
    yield "fetch", float(seconds)
    common = ["--model", "late", "--spec", str(spec)]
    run = ["--run", "r"]
    _, decision, snapshot = step("fetch", "snapshot", *common, *run, outputs=("decision", "snapshot"))
    seconds, dataset = step("transform", *common, "--snapshot", str(snapshot), *run, outputs=("dataset",))
    yield "transform", float(seconds)
    seconds, trials = step("grid", *common, outputs=("trials",))
    yield "grid", float(seconds)
    at = [*common, "--dataset", str(dataset), *run]
    seconds, result = step("train", *at, "--trial", json.dumps(json.loads(str(trials))[0]), outputs=("result",))
    yield "train", float(seconds)
    seconds, scores = step("evaluate", *at, "--result", str(result), outputs=("scores",))
    yield "evaluate", float(seconds)
    judging = ["--results", json.dumps([scores]), "--decision", str(decision)]
    seconds, *_ = step("promote", "judge", *at, *judging, outputs=("verdict", "again"))
    yield "promote", float(seconds)


def measured(builder: Builder, rounds: int) -> dict[str, dict[str, float]]:
    base = builder.megabytes(BASE)
    seconds: dict[str, list[float]] = {step: [] for step in MEGABYTES}
    floors: dict[str, list[float]] = {step: [] for step in MEGABYTES}
    for _ in range(rounds):
        folder = Path(tempfile.mkdtemp())
        with ExitStack() as opened:
            opened.callback(shutil.rmtree, folder)
            containers = {step: opened.enter_context(builder.container(step, folder)) for step in MEGABYTES}
            for step, command in containers.items():
                floors[step].append(first_line([*command, "sh", "-c", "echo >&2"]))
            for step, took in a_run(containers, folder):
                seconds[step].append(took)
    return {
        step: {
            "megabytes_over_base": round(builder.megabytes(builder.image(step)) - base, 1),
            "target_megabytes": MEGABYTES[step],
            "first_line_seconds": round(statistics.median(seconds[step]), 2),
            "floor_seconds": round(statistics.median(floors[step]), 2),
        }
        for step in MEGABYTES
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--builder", choices=["docker", "buildah"])
    parser.add_argument("--tag", default="dev")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results/images.json")
    given = parser.parse_args()
    there = [name for name in ([given.builder] if given.builder else ["docker", "buildah"]) if shutil.which(name)]
    builders = [Builder(name, given.tag) for name in there]
    usable = [
        each
        for each in builders
        if not subprocess.run([each.name, "inspect", each.image("grid")], capture_output=True, check=False).returncode
    ]
    if not usable:
        print("images: none are here; `make images` builds them")
        return 0
    found = measured(usable[0], given.rounds)
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "load": round(os.getloadavg()[0], 2)}
    met = all(each["megabytes_over_base"] < each["target_megabytes"] for each in found.values())
    given.out.write_text(
        json.dumps({"machine": machine, "builder": usable[0].name, "met": met, **found}, indent=2) + "\n", encoding="utf-8"
    )
    for step, each in found.items():
        size, line, floor = each["megabytes_over_base"], each["first_line_seconds"], each["floor_seconds"]
        print(f"{step:10} {size:6.0f} MB over the base, first line after {line} s, floor {floor} s")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
