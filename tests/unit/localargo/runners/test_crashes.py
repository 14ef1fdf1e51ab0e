"""An engine that is killed at random instants: every pod runs exactly once and its end is learnt."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from localargo.ports import Mount, PodSpec, Volume
from localargo.runners.podfolder import PodFolder
from tests.unit.localargo.runners.podtools import Make, hosts_of, sh

PODS = 12
KILLS = 8

ENGINE = """
import asyncio, sys
sys.path[:0] = {paths!r}
from pathlib import Path
from localargo.artifacts.stage import BucketArtifacts
from localargo.runners.client import ProcessPods
from tests.unit.localargo.runners.test_crashes import spec

async def main():
    pods = ProcessPods(Path({state!r}), BucketArtifacts(None), lambda ended: None, lambda node, at: None, slots=3)
    print("up", flush=True)
    await pods.start()
    await asyncio.gather(*(pods.ensure(spec(i)) for i in range({count})))
    await asyncio.sleep(600)

asyncio.run(main())
"""


def spec(number: int) -> PodSpec:
    """Leaves a line in a folder that outlives it, and ends with a code of its own."""
    line = f"echo {number} >> /claim/ran; sleep 0.05; exit {number}"
    return sh(f"p{number}", line, volumes=[Volume("v", claim="c")], mounts=[Mount("v", "/claim")])


def start_and_kill(code: str, cwd: Path, seconds: float) -> None:
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=cwd) as engine:
        assert engine.stdout is not None
        engine.stdout.readline()
        time.sleep(seconds)
        engine.kill()


@pytest.mark.parametrize("seed", range(2))
async def test_every_pod_runs_exactly_once(make: Make, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    state = tmp_path / "state"
    code = ENGINE.format(paths=[p for p in sys.path if p], state=str(state), count=PODS)
    for _ in range(KILLS):
        start_and_kill(code, tmp_path, chance.random() * 0.15)
    kept = make()
    await kept.pods.start()
    for number in range(PODS):
        ended = await kept.run(spec(number))
        assert not ended.lost
        assert [c.exit_code for c in ended.containers] == [number]
        assert PodFolder(kept.pods.pods, f"p{number}").state() == "done"
    ran = (state / "claims/c/ran").read_text().split()
    assert sorted(ran, key=int) == [str(n) for n in range(PODS)]
    await kept.pods.close(kill=True)
    assert hosts_of(state) == []
