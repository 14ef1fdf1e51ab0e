"""A full disk under a step's scratch files: the step says what to do, is tried again, and ends as if nothing had been."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from handlers import failures, train
from tests.handlers.stages.world import World, month
from tests.small_disk import fill, small_disk

ROOT = Path(__file__).parents[3]


def step(world: World, name: str, arguments: list[str], scratch: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "RETRAIN_BUCKET": f"file://{world.folder}", "TMPDIR": str(scratch), "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", f"handlers.{name}", *arguments]
    return subprocess.run(words, env=environment, cwd=world.out, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.slow
def test_no_room_for_scratch_files_is_tried_again_until_there_is(world: World, tmp_path: Path) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    _, snapshot = world.snapshot("a")
    spec, out = world.read_spec(), world.out / "dataset"
    arguments = ["--model", "late", "--spec", spec, "--snapshot", snapshot, "--run", "a", "--dataset-out", str(out)]
    with small_disk(tmp_path / "scratch", 1) as scratch:
        filler = fill(scratch, leave=4096)
        ended = step(world, "transform", arguments, scratch)
        assert ended.returncode == 75, ended.stderr
        assert "there is no space left for scratch files" in ended.stderr
        assert "free some space, and the step is tried again" in ended.stderr
        assert not out.exists()
        assert [each["exit_code"] for each in failures.of_run(world.store, "late", "a")] == [75]

        filler.unlink()
        ended = step(world, "transform", arguments, scratch)
        assert ended.returncode == 0, ended.stderr
    dataset = out.read_text()
    assert dataset == world.dataset(snapshot, "a")


def test_no_room_is_no_failure_of_the_trial(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    _, snapshot = world.snapshot("a")
    dataset, (trial, _) = world.dataset(snapshot, "a"), world.trials()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "/tmp/x")

    with monkeypatch.context() as patched:
        patched.setattr(train, "train", full)
        for _ in range(4):
            with pytest.raises(OSError, match="No space left"):
                world.train(dataset, trial, "a")
    assert world.train(dataset, trial, "a")["trial"]
