"""python benchmarks/troubles.py [KIND ...] [--seed 0] [--seconds 60] [--out benchmarks/results/troubles.json]

Plays scenarios (tests/campaign) on a real engine whose bucket fails, a proxy between them: it is away for a minute, throttles, loses
the answers of conditional PUTs that happened, cuts answers, is slow, or all of it; on two engines that share a bucket; and on one whose
disk is full for a minute (Linux, root). Without KIND all of them, one scenario each. Writes what was met and what did not hold afterwards;
a KIND that is played again takes the place of the one before. The exit code is 1 when something did not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]


ENGINES, DISK = "two engines", "full disk"
MIB = 160  # of that disk
LENGTH = 14  # actions of a script before those that lead to the last state
BEFORE = 12.0  # seconds of the scenario after which the bucket is away, or the disk full


def play(folder: Path, kind: str, seed: int, seconds: float, digests: dict[str, str] | None) -> Any:
    """One scenario on a bucket of its own."""
    from localargo.bucket.seaweedfs import SeaweedFS
    from tests.campaign import play as playing
    from tests.campaign.full_disk import FullDisk
    from tests.campaign.proxy import Proxy
    from tests.campaign.scenario import script
    from tests.campaign.site import Site
    from tests.campaign.weather import KINDS, Weather
    from tests.small_disk import small_disk

    if kind == DISK:
        site = Site(folder / "site")
        with small_disk(site.state, MIB):
            return playing.play([site], FullDisk(site.state, BEFORE, seconds), script(seed, LENGTH), digests)
    server = SeaweedFS(folder / "bucket", "retrain", "RETRAIN_BUCKET")
    environment = asyncio.run(server.start())
    proxy = Proxy(environment["AWS_ENDPOINT_URL_S3"], seed)
    engines = 2 if kind == ENGINES else 1
    sites = [Site(folder / str(number), bucket=environment, through=proxy.url) for number in range(engines)]
    outage = {"after": BEFORE, "seconds": seconds} if kind == "away" else {}
    try:
        return playing.play(sites, Weather(proxy, kind if kind in KINDS else "quiet", **outage), script(seed, LENGTH), digests)
    finally:
        proxy.close()
        asyncio.run(server.stop())


def main() -> int:
    from benchmarks.campaign import commit
    from tests.campaign.weather import KINDS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", metavar="KIND", nargs="*", choices=[*KINDS, ENGINES, DISK, []], help=", ".join([*KINDS, ENGINES, DISK]))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60.0, help="that the bucket is away, and the disk full")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "troubles.json")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # no engine is left behind
    figures: dict[str, Any] = json.loads(given.out.read_text(encoding="utf-8")) if given.out.exists() else {}
    for kind in given.kinds or ["quiet", *(k for k in KINDS if k != "quiet"), ENGINES, DISK]:
        digests = None if kind == "quiet" else figures["quiet"]["digests"]
        with tempfile.TemporaryDirectory(prefix="retrain-campaign-") as folder:
            played = play(Path(folder), kind, given.seed, given.seconds, digests)
        figures[kind] = {"commit": commit(), "seed": given.seed, **asdict(played)}
        given.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
        print(f"{kind}: {played.seconds:.0f} s, {played.trouble}, trained again {played.trained_again}, wrong {played.wrong}", flush=True)
    return 1 if any(found["wrong"] for found in figures.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
