"""python -m benchmarks.interruptions [INTERRUPTIONS] [--each 20] [--seed 0] [--out benchmarks/results/interruptions.json]

A run of six trials on a real engine with a real bucket (tests/campaign), interrupted while it trains: trainings are asked to stop (SIGTERM)
or killed (SIGKILL), the engine is killed and started again by its supervisor, the bucket is away for seconds. It is played again and again,
and each time the six trials must have learned what they learn in a quiet run. Counts the batches that were learned more than once: a
checkpoint follows every epoch, so an attempt that is lost may cost one epoch. Writes what was interrupted and what did not hold; the exit
code is 1 when something did not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

EPOCHS = 400
TRIALS = 6
GRID = "[1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3]"
PAUSE = (0.5, 2.0)  # seconds between two interruptions
AWAY = (1.0, 6.0)  # seconds that the bucket is away
WEIGHTS = {"SIGTERM": 4, "SIGKILL": 4, "engine": 1, "bucket away": 1}


@dataclass
class Played:
    """One run: its `states` by trial, how many batches were learned, how many pods trained, and what did not hold."""

    interrupted: Counter[str] = field(default_factory=Counter)
    states: dict[str, str] = field(default_factory=dict)
    batches: int = 0
    attempts: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)


class Interrupter:
    """Interrupts a site while its trials are trained."""

    def __init__(self, site: Any, proxy: Any, chance: random.Random) -> None:
        from tests.campaign.victims import Hosts

        self.done: Counter[str] = Counter()
        self._site, self._proxy, self._chance, self._hosts = site, proxy, chance, Hosts(site.state)

    def training(self) -> list[int]:
        from tests.campaign.victims import handlers

        return sorted(pid for pid, stage in handlers(self._hosts()).items() if stage == "train")

    def interrupt(self) -> None:
        """Once, if something is trained at the moment."""
        pids = self.training()
        if not pids:
            return
        (kind,) = self._chance.choices(list(WEIGHTS), list(WEIGHTS.values()))
        if kind == "engine":
            if self._site.engine is None or self._site.engine.poll() is not None:
                return
            self._site.engine.kill()
        elif kind == "bucket away":
            from tests.campaign.proxy import Faults

            with self._proxy.failing(Faults(away=True)):
                time.sleep(self._chance.uniform(*AWAY))
        else:
            try:
                os.kill(self._chance.choice(pids), getattr(signal, kind))
            except ProcessLookupError:
                return
        self.done[kind] += 1


def prepared(folder: Path, bucket: dict[str, str], through: str) -> Any:
    """A site whose one model has six trials, and whose handlers count each batch that they learn in the file `learned`."""
    from tests.campaign.site import Site

    site = Site(folder / "site", bucket=bucket, through=through)
    for spec in (site.folder / "models").glob("*.yaml"):
        if spec.name != "kustomization.yaml":
            spec.unlink()
    site.repository.model("six", EPOCHS, {"[1e-4, 1e-3]": GRID})
    counting = site.folder / "handlers" / "preempted.py"
    text, end = counting.read_text(encoding="utf-8"), '    """One more batch or round is learned."""\n    for'
    assert text.count(end) == 1
    counted = f'    with open({str(site.folder / "learned")!r}, "ab") as file:\n        file.write(b".")\n    for'
    counting.write_text(text.replace(end, end.removesuffix("    for") + counted), encoding="utf-8")
    return site


def play(folder: Path, seed: int, interruptions: int) -> Played:
    """One run on a bucket of its own, with so many interruptions if it takes so long."""
    from localargo.bucket.seaweedfs import SeaweedFS
    from tests.campaign.proxy import Proxy
    from tests.campaign.scenario import Action
    from tests.e2e.repository import rows

    began, chance = time.monotonic(), random.Random(seed)
    server = SeaweedFS(folder / "bucket", "retrain", "RETRAIN_BUCKET")
    environment = asyncio.run(server.start())
    proxy = Proxy(environment["AWS_ENDPOINT_URL_S3"], seed)
    site = prepared(folder, environment, proxy.url)
    interrupter = Interrupter(site, proxy, chance)
    try:
        with site:
            site.do(Action("put", "six", "incoming/six/1.csv", rows("2024-03-01", 20, seed=1)))
            # what is there when a bucket is looked at for the first time is no event
            site.do(Action("post", "six", "first"))
            end = time.monotonic() + 900
            while not ended(site) and time.monotonic() < end:
                time.sleep(chance.uniform(*PAUSE))
                if interrupter.done.total() < interruptions:
                    interrupter.interrupt()
            found = looked(site)
    finally:
        proxy.close()
        asyncio.run(server.stop())
    found.interrupted, found.seconds = interrupter.done, round(time.monotonic() - began, 1)
    return found


def runs(site: Any) -> list[dict[str, Any]]:
    try:
        return [each for each in site.workflows() if each["metadata"]["name"].startswith("retrain-six-")]
    except Exception:  # the engine may have been killed this moment
        return []


def ended(site: Any) -> bool:
    found = runs(site)
    return bool(found) and all((each.get("status") or {}).get("phase") in ("Succeeded", "Failed", "Error") for each in found)


def looked(site: Any) -> Played:
    """What is there in the end."""
    from tests.campaign.site import until

    until(lambda: ended(site), site.log, patience=30)
    played = Played(batches=(site.folder / "learned").stat().st_size)
    for run in runs(site):
        status = run["status"]
        trained = [n for n in status["nodes"].values() if n["type"] == "Pod" and (n.get("templateRef") or {}).get("template") == "train"]
        played.attempts += len(trained)
        if status["phase"] != "Succeeded":
            played.wrong.append(f"{run['metadata']['name']} has ended as {status['phase']}: {status.get('message')}")
    client = site.s3()
    listed = client.list_objects_v2(Bucket="retrain", Prefix="trials/six/").get("Contents", [])
    for key in [each["Key"] for each in listed if each["Key"].endswith("/result.json")]:
        result = json.loads(client.get_object(Bucket="retrain", Key=key)["Body"].read())
        played.states[result["trial"]] = result["state"]
    verdicts = [
        e["Key"] for e in client.list_objects_v2(Bucket="retrain", Prefix="runs/six/")["Contents"] if e["Key"].endswith("/verdict.json")
    ]
    lost = [json.loads(client.get_object(Bucket="retrain", Key=key)["Body"].read())["lost"] for key in verdicts]
    client.close()
    played.wrong += [f"trials were lost: {lost}"] * (not lost or any(lost))
    return played


def compared(played: Played, quiet: dict[str, Any]) -> list[str]:
    """What does not hold of a run that was interrupted."""
    wrong = list(played.wrong)
    if played.states != quiet["states"]:
        wrong.append(f"other trials or other states: {played.states}")
    epoch = quiet["batches"] // (TRIALS * EPOCHS)
    again, allowed = played.batches - quiet["batches"], epoch * (played.attempts - TRIALS)
    if not 0 <= again <= allowed:
        wrong.append(f"{again} batches were learned again, {allowed} may be after {played.attempts} attempts")
    return wrong


def main() -> int:
    from benchmarks.campaign import commit

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("interruptions", type=int, nargs="?", default=200, help="of all runs together")
    parser.add_argument("--each", type=int, default=20, help="interruptions of a run, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=24.0, help="no further run is begun after so long")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "interruptions.json")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # no engine is left behind
    began, at = time.monotonic(), commit()
    with tempfile.TemporaryDirectory(prefix="retrain-interruptions-") as name:
        calm = play(Path(name), given.seed, 0)
    if calm.wrong or len(calm.states) != TRIALS:
        raise SystemExit(f"the quiet run is wrong: {calm}")
    quiet: dict[str, Any] = {"states": calm.states, "batches": calm.batches, "seconds": calm.seconds}
    total: Counter[str] = Counter()
    figures: dict[str, Any] = {"commit": at, "quiet": quiet, "runs": 0, "attempts": 0, "batches_again": 0, "share_again": 0.0, "wrong": []}
    for seed in range(given.seed, given.seed + 1000):
        if total.total() >= given.interruptions or time.monotonic() - began > given.minutes * 60:
            break
        with tempfile.TemporaryDirectory(prefix="retrain-interruptions-") as name:
            played = play(Path(name), seed, min(given.each, given.interruptions - total.total()))
        total += played.interrupted
        figures["wrong"] += [f"seed {seed}: {each}" for each in compared(played, quiet)]
        figures["runs"] += 1
        figures["attempts"] += played.attempts
        figures["batches_again"] += played.batches - calm.batches
        figures["share_again"] = round(figures["batches_again"] / (figures["runs"] * calm.batches), 4)
        figures["interruptions"] = total.total()
        figures["interrupted"] = dict(sorted(total.items()))
        figures["seconds"] = round(time.monotonic() - began, 1)
        given.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
        print(
            f"seed {seed}: {total.total()} interruptions, {played.attempts} attempts, {played.seconds:.0f} s, {figures['wrong']}",
            flush=True,
        )
    return 1 if figures["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
