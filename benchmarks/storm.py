"""python benchmarks/storm.py [--uploads 1000 2000 5000 10000] [--threads 4] [--seconds 60] [--out benchmarks/results/storm.json]

Many files dropped at once: a running engine with its SeaweedFS, the real handlers, one small model, and S3 PUTs from a few threads, each
file under `incoming/` and so an event of its own. Prints what came of it. The promises: every upload is an event, the burst ends in one or
two trainings, the last of them has every object in its snapshot and ends at most `--seconds` after the last upload, and nothing waits
any more. The exit code is 1 when one is broken. `processor_seconds` are those of all processes but the one that uploads: on a machine
that has other work to do they are what can be compared.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.e2e.repository import Repository

ROOT = Path(__file__).resolve().parents[1]
MODEL = "storm"
DAYS, ROWS = 40, 6  # the files are spread over so many days; rows of a file
MOST_TRAININGS = 2
PATIENCE = 900.0
SPEC = f"""apiVersion: retrain/v1
kind: Model
metadata: {{name: {MODEL}}}
spec:
  task: binary
  data:
    sources:
      incoming: {{prefix: incoming/{MODEL}/, format: csv, columns: {{at: timestamp, x: float, kind: string, late: boolean}}}}
    target: {{column: late}}
    split: {{by: time, column: at, gap: 1d, valid: 5d, test: 5d}}
  features: {{x: {{type: number, scale: standard}}, kind: {{type: category, default: other}}}}
  model: {{estimator: sklearn.linear_model.SGDClassifier, params: {{loss: log_loss}}}}
  search: {{grid: {{alpha: [1e-4]}}}}
  trigger: {{quiet: 5s}}
  training: {{epochs: 1, batch_rows: 1024}}
  evaluate: {{select_by: roc_auc}}
  promote: {{gate: {{metric: roc_auc, at_least: 0.5, confidence: 0.9}}}}
"""


def file_of(number: int) -> bytes:
    """A small CSV file: some moments of one day; `late` follows from x."""
    day = datetime(2024, 3, 1, tzinfo=UTC) + timedelta(days=number % DAYS)
    lines = ["at,x,kind,late"]
    for row in range(ROWS):
        at = day + timedelta(seconds=86399 * row // (ROWS - 1))
        x = ((number * 7919 + row * 104729) % 2000 - 1000) / 500
        lines.append(f"{at:%Y-%m-%dT%H:%M:%SZ},{x:.3f},{'abc'[row % 3]},{str(x + (row % 3) / 4 > 0.2).lower()}")
    return ("\n".join(lines) + "\n").encode()


def upload(repository: Repository, uploads: int, threads: int) -> float:
    """Seconds until every file has been put."""
    failed: list[BaseException] = []
    numbers = iter(range(uploads))
    lock = threading.Lock()

    def put() -> None:
        client = repository.s3()
        try:
            while not failed:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    break
                client.put_object(Bucket="retrain", Key=f"incoming/{MODEL}/{number:06d}.csv", Body=file_of(number))
        except Exception as error:
            failed.append(error)
        finally:
            client.close()

    began = time.perf_counter()
    started = [threading.Thread(target=put) for _ in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    if failed:
        raise failed[0]
    return time.perf_counter() - began


# ------------------------------------------------------------------------------------------------ what it costs


def children(pid: int) -> Iterator[int]:
    """The process and all below it."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text(encoding="ascii").split():
            yield from children(int(child))


def processor_seconds(pid: int) -> float:
    """Of the process itself, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Meter:
    """The processor seconds of every process that works on a folder, and of those that they have waited for: engine, bucket, pods.

    Looked at again and again, since a process that has ended tells nothing any more.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._of, self._end = str(folder), dict[str, float](), threading.Event()
        self._looking = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Meter:
        self._looking.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._looking.join()

    def seconds(self) -> float:
        return sum(self._of.values())

    def _look(self) -> None:
        while not self._end.wait(1.0):
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    words = (process / "cmdline").read_text(encoding="utf-8", errors="replace")
                    if process.name == str(os.getpid()) or self._folder not in words + str((process / "cwd").readlink()):
                        continue
                    fields = (process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
                except OSError:
                    continue
                self._of[process.name] = sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def peak_mib(pid: int) -> float:
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines() if ":" in line)
    return int(lines["VmHWM"].split()[0]) / 1024


# ------------------------------------------------------------------------------------------------ what came of it


class Watch:
    """What the running engine says of itself."""

    def __init__(self, state: Path) -> None:
        from retrain.client.connect import argo_server, local_engine

        self._engine, self._argo = local_engine(state), argo_server(state)

    def lag(self) -> int:
        """Events that triggers have not acted on."""
        return sum(int(each["lag"]) for each in self._engine.events(1)["triggers"])

    def workflows(self) -> list[dict[str, Any]]:
        return [w for w in self._argo.workflows().items if w["metadata"]["name"].startswith("retrain-")]

    def workflow(self, name: str) -> dict[str, Any]:
        return self._argo.workflow(name)


def until(there: Callable[[], bool], what: Callable[[], str]) -> None:
    end = time.monotonic() + PATIENCE
    while not there():
        if time.monotonic() > end:
            raise SystemExit(f"storm: after {PATIENCE:.0f} s: {what()}")
        time.sleep(0.25)


def idle(repository: Repository, watch: Watch) -> bool:
    """Whether no event waits, no Workflow runs, and no run trains."""
    if watch.lag() or any(w["status"].get("phase") not in ("Succeeded", "Failed", "Error") for w in watch.workflows()):
        return False
    claim = repository.objects(f"runs/{MODEL}/claim.json").get(f"runs/{MODEL}/claim.json") or {}
    return not claim.get("run") and not claim.get("wanted") and watch.lag() == 0


def outcome(repository: Repository, watch: Watch, last_upload: float) -> dict[str, Any]:
    workflows = [watch.workflow(w["metadata"]["name"]) for w in watch.workflows()]
    pods = sum(node["type"] == "Pod" for w in workflows for node in w["status"]["nodes"].values())
    requests: dict[str, dict[str, Any]] = {}
    results: dict[str, dict[str, Any]] = {}
    for w in workflows:
        folder = f"runs/{MODEL}/{w['metadata']['name']}"
        for documents, name in ((requests, "request"), (results, "result")):
            found = repository.objects(f"{folder}/{name}.json").get(f"{folder}/{name}.json")
            if found is not None:
                documents[w["metadata"]["name"]] = found
    trained = sorted((r for r in results.values() if r.get("decision") == "train"), key=lambda r: float(r["at"]))
    last = trained[-1] if trained else None
    ended = [datetime.fromisoformat(w["status"]["finishedAt"]).timestamp() for w in workflows]
    objects = 0
    if last is not None:
        key = f"snapshots/{MODEL}/{requests[last['run']]['snapshot']}.json"
        objects = len(repository.objects(key)[key]["objects"])
    return {
        "workflows": len(workflows),
        "pods": pods,
        "outcomes": dict(Counter(results.get(w["metadata"]["name"], {}).get("outcome", w["status"]["phase"]) for w in workflows)),
        "trainings": len(trained),
        "seconds_after_last_upload": round(float(last["at"]) - last_upload, 1) if last else None,
        "seconds_until_idle": round(max(ended) - last_upload, 1) if ended else None,
        "objects_in_last_snapshot": objects,
    }


def events_of(state: Path) -> int:
    """How many of them the journal has."""
    import sqlite3

    db = sqlite3.connect(f"file:{state / 'engine.db'}?mode=ro", uri=True)
    try:
        return int(db.execute("SELECT count(*) FROM event WHERE source = 'bucket' AND subject = 'upload'").fetchone()[0])
    finally:
        db.close()


def broken(found: dict[str, Any], seconds: float) -> list[str]:
    """The promises that were not kept."""
    uploads, after = found["uploads"], found["seconds_after_last_upload"]
    said = {
        f"{found['events']} events of {uploads} uploads": found["events"] == uploads,
        f"{found['trainings']} trainings, promised are 1 to {MOST_TRAININGS}": 1 <= found["trainings"] <= MOST_TRAININGS,
        f"the last snapshot has {found['objects_in_last_snapshot']} of {uploads} objects": found["objects_in_last_snapshot"] == uploads,
        f"the last training ended {after} s after the last upload, promised are {seconds:.0f} s": after is not None and after <= seconds,
    }
    return [what for what, kept in said.items() if not kept]


def storm(folder: Path, uploads: int, threads: int) -> dict[str, Any]:
    sys.path.insert(0, str(ROOT))
    from tests.e2e.repository import Repository

    repository = Repository(folder)
    (folder / "models" / f"{MODEL}.yaml").write_text(SPEC, encoding="utf-8")
    repository.up()
    with Meter(folder) as meter:
        try:
            return _measured(repository, uploads, threads, meter)
        finally:
            repository.kill(signal.SIGTERM)


def _measured(repository: Repository, uploads: int, threads: int, meter: Meter) -> dict[str, Any]:
    watch = Watch(repository.state)
    assert repository.process is not None
    pid = repository.process.pid
    before, before_all, load = processor_seconds(pid), meter.seconds(), os.getloadavg()[0]
    burst = upload(repository, uploads, threads)
    last_upload = time.time()
    until(lambda: events_of(repository.state) >= uploads, lambda: f"{events_of(repository.state)} of {uploads} uploads are events")
    all_events = time.time() - last_upload
    until(lambda: watch.lag() == 0, lambda: f"{watch.lag()} events wait")
    acted = time.time() - last_upload
    until(lambda: idle(repository, watch), lambda: repository.retrain("list", ok=False))
    return {
        "uploads": uploads,
        "threads": threads,
        "burst_seconds": round(burst, 1),
        "events": events_of(repository.state),
        "all_events_seconds": round(all_events, 1),
        "all_acted_on_seconds": round(acted, 1),
        **outcome(repository, watch, last_upload),
        "engine_peak_mib": round(peak_mib(pid)),
        "engine_processor_seconds": round(processor_seconds(pid) - before, 1),
        "processor_seconds": round(meter.seconds() - before_all, 1),
        "load_average": [round(load, 1), round(os.getloadavg()[0], 1)],
        "bucket_peak_mib": max(round(peak_mib(process)) for process in children(pid) if process != pid),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uploads", type=int, nargs="+", default=[10_000])
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--keep", type=Path, help="a folder to work in that stays")
    given = parser.parse_args()
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    found: list[dict[str, Any]] = []
    for uploads in given.uploads:
        with tempfile.TemporaryDirectory(prefix="retrain-storm-") as name:
            one = storm(given.keep / str(uploads) if given.keep else Path(name), uploads, given.threads)
        found.append({**one, "broken": broken(one, given.seconds)})
        text = json.dumps({"promised_seconds": given.seconds, "machine": machine, "storms": found}, indent=1)
        print(json.dumps(found[-1], indent=1), flush=True)
        if given.out:
            given.out.write_text(text + "\n", encoding="utf-8")
    return 1 if any(one["broken"] for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
