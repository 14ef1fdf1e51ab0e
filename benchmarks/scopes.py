"""python benchmarks/scopes.py [--months 12] [--rows 50000] [--lookback 28d] [--rounds 3] [--out benchmarks/results/scopes.json]

What the scopes of a query cost when a month is added: `transform` over `--months` files of `--rows` rows, then over one more, with a
rolling sum by `scope: lookback` and by `scope: all`, and with an expression of the row itself by `scope: row`. Each in a process of its
own, in turns. Prints, as medians of the rounds, the added month beside all months before it, and beside what `scope: row` needs for it.
"""

from __future__ import annotations

import argparse
import importlib
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

WINDOW = "PARTITION BY shop ORDER BY sold_at RANGE BETWEEN INTERVAL {days} DAYS PRECEDING AND CURRENT ROW"
OVER_ROWS = f"SELECT sold_at, shop, sold, late, sum(sold) OVER ({WINDOW}) AS recent FROM incoming"
OF_ROW = "SELECT sold_at, shop, sold, late, sold * 2 AS recent FROM incoming"
SCOPES = ("row", "lookback", "all")
DAYS = 30  # of a month
PATIENCE = 3600.0


def spec(scope: str, lookback: str) -> dict[str, Any]:
    columns = {"sold_at": "timestamp", "shop": "string", "sold": "float", "late": "boolean"}
    sql = OF_ROW if scope == "row" else OVER_ROWS.format(days=lookback.removesuffix("d"))
    return {
        "task": "binary",
        "data": {
            "sources": {"incoming": {"prefix": "incoming/late/", "format": "parquet", "columns": columns}},
            "query": {"sql": sql, "scope": {"lookback": lookback} if scope == "lookback" else scope},
            "target": {"column": "late", "classes": [False, True], "positive": True},
            "split": {"by": "time", "column": "sold_at", "valid": "7d", "test": "7d"},
        },
        "features": {"recent": {"type": "number"}},
        "model": {"estimator": "sklearn.linear_model.SGDClassifier", "params": {"loss": "log_loss"}},
        "evaluate": {"select_by": "roc_auc"},
    }


def write_month(folder: Path, month: int, rows: int) -> None:
    import numpy as np
    import pyarrow as pa
    from pyarrow import parquet

    random = np.random.default_rng([9, month])
    begin = np.datetime64("2020-01-01", "us") + np.timedelta64(month * DAYS, "D")
    at = begin + np.sort(random.integers(0, DAYS * 86_400_000_000, rows)).astype("timedelta64[us]")
    at[-1] = begin + np.timedelta64(DAYS * 86400 - 1, "s")  # the last day is whole
    columns = {
        "sold_at": pa.array(at).cast(pa.timestamp("us", tz="UTC")),
        "shop": random.choice([f"s{n}" for n in range(50)], rows),
        "sold": random.normal(size=rows),
        "late": random.random(rows) < 0.3,
    }
    (folder / "incoming" / "late").mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table(columns), folder / "incoming" / "late" / f"{month:04}.parquet")


def transform(folder: Path, scope: str, lookback: str) -> dict[str, float]:
    """Seconds of one transform over what is there, and how many parts it made."""
    from handlers.data import contents, datasets
    from handlers.data.duck import connect
    from handlers.fetch import checked
    from handlers.modelspec.code_digests import code_digest
    from handlers.storage import FolderStore

    store = FolderStore(folder)
    text = json.dumps({"apiVersion": "retrain/v1", "kind": "Model", "metadata": {"name": "late"}, "spec": spec(scope, lookback)})
    wanted = checked(text, "late.yaml", None)
    # what loads once loads before
    connect().close()
    for name in ("pyarrow.compute", "pyarrow.parquet"):
        importlib.import_module(name)
    for stage in ("parts", "datasets"):
        code_digest(stage)
    objects = contents.identities(store, "late", store.list("incoming/late/"))
    began = time.perf_counter()
    _, made, _ = datasets.make(store, "late", wanted, {"objects": objects}, store.server_time())
    return {"seconds": time.perf_counter() - began, "parts": float(sum(one.fresh for one in made))}


def alone(folder: Path, scope: str, lookback: str) -> dict[str, float]:
    """A transform in a process of its own, with one thread as in a pod."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    environment = {**os.environ, **threads, "PYTHONPATH": str(Path(__file__).parent.parent)}
    command = [sys.executable, __file__, "--scope", scope, "--folder", str(folder), "--lookback", lookback]
    told = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False, env=environment)
    if told.returncode:
        raise SystemExit(f"{scope}: {told.stderr}")
    found: dict[str, float] = json.loads(told.stdout)
    return found


def measured(months: int, rows: int, lookback: str) -> dict[str, dict[str, float]]:
    """Of each scope the seconds of all months, those of one more, and the parts that each made."""
    found: dict[str, dict[str, float]] = {}
    for scope in SCOPES:
        with tempfile.TemporaryDirectory(prefix="retrain-") as name:
            folder = Path(name)
            for month in range(months):
                write_month(folder, month, rows)
            whole = alone(folder, scope, lookback)
            write_month(folder, months, rows)
            added = alone(folder, scope, lookback)
        found[scope] = {"all": whole["seconds"], "added": added["seconds"], "parts": whole["parts"], "parts_added": added["parts"]}
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--lookback", default="28d")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "scopes.json")
    parser.add_argument("--scope", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.scope:
        print(json.dumps(transform(given.folder, given.scope, given.lookback)))
        return 0
    rounds = [measured(given.months, given.rows, given.lookback) for _ in range(given.rounds)]
    found: dict[str, dict[str, float]] = {}
    for scope in SCOPES:
        middle = {name: statistics.median(one[scope][name] for one in rounds) for name in rounds[0][scope]}
        shares = statistics.median(one[scope]["added"] / one[scope]["all"] for one in rounds)
        beside = statistics.median(one[scope]["added"] / one["row"]["added"] for one in rounds)
        found[scope] = {
            **{name: round(value, 3) for name, value in middle.items()},
            "share": round(shares, 3),
            "beside_row": round(beside, 1),
        }
        print(f"{scope}: a month more takes {shares:.2f} of all {given.months} months, {beside:.1f} times what it takes with scope: row")
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "load": round(os.getloadavg()[0], 2)}
    sizes = {"months": given.months, "rows": given.rows, "lookback": given.lookback, "rounds": given.rounds}
    given.out.write_text(json.dumps({"machine": machine, **sizes, "scopes": found}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
