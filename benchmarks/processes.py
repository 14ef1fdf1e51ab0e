"""python benchmarks/processes.py [--rows 3000000] [--files 12] [--rounds 3] [--out benchmarks/results/processes.json]

The parts of many files made by as many processes as this machine has cpus, beside one process that makes the same: seconds of each as the
median of the rounds, in turns, each run in an interpreter of its own. The start of the processes is part of the time. The seconds of cpu
of both say what the start and the cpus' sharing cost, whatever else the machine does.
With more than one cpu the target is to be faster by half of what the cpus would allow; where it is missed the exit code is 1. What they
do allow, while other work keeps them busy, is measured in the same rounds (`allowed`): as many processes that only compute, beside one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PATIENCE = 600.0
DAYS = 10  # of a file
SPEC: dict[str, Any] = {
    "task": "binary",
    "data": {
        "sources": {
            "incoming": {
                "prefix": "incoming/late/",
                "format": "csv",
                "columns": {"day": "date", "carrier": "string", "late": "boolean", **{f"x{i}": "float" for i in range(6)}},
            }
        },
        "target": {"column": "late"},
        "split": {"by": "time", "column": "day", "valid": "5d", "test": "5d"},
    },
    "model": {"estimator": "sklearn.linear_model.SGDClassifier"},
    "evaluate": {"select_by": "roc_auc"},
}


def write_sources(folder: Path, rows: int, files: int) -> None:
    import numpy as np
    import pyarrow as pa
    from pyarrow import csv

    random, each = np.random.default_rng(5), rows // files
    (folder / "incoming" / "late").mkdir(parents=True)
    carriers = np.asarray([f"c{i}" for i in range(16)])
    for number in range(files):
        days = np.datetime64("2020-01-01") + number * DAYS + np.arange(each) * DAYS // each
        named = {"day": days, "carrier": random.choice(carriers, each), "late": random.random(each) < 0.3}
        table = pa.table({**named, **{f"x{i}": random.normal(size=each) for i in range(6)}})
        csv.write_csv(table, folder / "incoming" / "late" / f"{number:04}.csv")


def make(folder: Path, processes: int) -> dict[str, float]:
    """Seconds to make the dataset of the files, with so many processes allowed."""
    from handlers import workers
    from handlers.data import contents, datasets, making
    from handlers.fetch import checked
    from handlers.modelspec.code_digests import code_digest
    from handlers.storage import FolderStore

    making.WORTH_BYTES = 0
    vars(workers)["allowed"] = lambda: workers.Allowed(processes, processes * making.PROCESS_BYTES)
    store = FolderStore(folder)
    spec = checked(json.dumps({"apiVersion": "retrain/v1", "kind": "Model", "metadata": {"name": "late"}, "spec": SPEC}), "late.yaml", None)
    found = contents.identities(store, "late", store.list("incoming/late/"))
    code_digest("parts")
    began = time.perf_counter()
    datasets.make(store, "late", spec, {"objects": found}, store.server_time())
    return {"seconds": time.perf_counter() - began}


def alone(folder: Path, processes: int) -> tuple[float, float]:
    """Seconds, and seconds of cpu with those of the start."""
    shutil.rmtree(folder / "parts", ignore_errors=True)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parent.parent)}
    command = [sys.executable, __file__, "--folder", str(folder), "--processes", str(processes)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False, env=environment)
    if told.returncode:
        raise SystemExit(f"{processes} processes: {told.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return float(json.loads(told.stdout)["seconds"]), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def computing(processes: int) -> float:
    """Seconds until so many processes have each computed the same."""
    code = "import zlib; data = bytes(1 << 20); [zlib.crc32(data) for _ in range(6000)]"
    began = time.perf_counter()
    for each in [subprocess.Popen([sys.executable, "-c", code]) for _ in range(processes)]:
        each.wait(PATIENCE)
    return time.perf_counter() - began


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--files", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "processes.json")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--processes", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.folder:
        print(json.dumps(make(given.folder, given.processes)))
        return 0
    cpus = len(os.sched_getaffinity(0))
    seconds: dict[int, list[tuple[float, float]]] = {1: [], cpus: []}
    paces: dict[int, list[float]] = {1: [], cpus: []}
    with tempfile.TemporaryDirectory(prefix="retrain-") as name:
        write_sources(Path(name), given.rows, given.files)
        size = sum(path.stat().st_size for path in (Path(name) / "incoming" / "late").iterdir())
        for _ in range(given.rounds):
            for processes, found in seconds.items():
                found.append(alone(Path(name), processes))
                paces[processes].append(computing(processes))
    middle = {processes: statistics.median(wall for wall, _ in found) for processes, found in seconds.items()}
    used = {processes: statistics.median(cpu for _, cpu in found) for processes, found in seconds.items()}
    ratio, target = middle[1] / middle[cpus], 1 + (cpus - 1) / 2
    told = f"{middle[1]:.2f} s in one process, {middle[cpus]:.2f} s in {cpus}: {ratio:.2f} times as fast"
    print(f"{size >> 20} MiB in {given.files} files: {told}")
    allowed = cpus * statistics.median(paces[1]) / statistics.median(paces[cpus])
    print(f"{cpus} processes that only compute: {allowed:.2f} times as fast as one")
    print(f"target: at least {target}, {'met' if ratio >= target else 'missed'}")
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "load": round(os.getloadavg()[0], 2)}
    found_all = {"rows": given.rows, "files": given.files, "mib": size >> 20, "rounds": given.rounds}
    rounded = {name: {str(n): round(s, 2) for n, s in found.items()} for name, found in (("seconds", middle), ("cpu_seconds", used))}
    result = {"machine": machine, **found_all, **rounded, "ratio": round(ratio, 2), "allowed": round(allowed, 2)}
    given.out.write_text(json.dumps({**result, "met": ratio >= target}, indent=2) + "\n")
    return 0 if ratio >= target else 1


if __name__ == "__main__":
    sys.exit(main())
