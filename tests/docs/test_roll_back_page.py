"""The page about going back, each command as it stands there, on a bucket whose model has had two champions."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT, blocks
from tests.handlers.stages.world import World, month


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("RETRAIN_BUCKET", f"file://{tmp_path}/bucket")
    return World(tmp_path / "bucket", tmp_path / "out")


def test_every_command_of_the_page(world: World) -> None:
    world.put("1.csv", month("2013-01-01", 40))
    world.spec["search"]["grid"]["alpha"] = [0.0001]
    world.spec["promote"]["gate"].update({"at_least": 0.0, "improve_by": 0, "confidence": 0.0001})
    world.run("a")
    world.put("2.csv", month("2013-02-10", 10))
    world.run("b")
    commands = [line for block in blocks(DOCS / "howto" / "roll-back.md") if block.language == "sh" for line in block.text.splitlines()]
    environment = {**os.environ, "HOME": str(world.out)}
    said = []
    for line in commands:
        name, *words = shlex.split(line)
        assert name == "retrain"
        command = [sys.executable, "-m", "retrain.cli", *words]
        ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        said.append(ended.stdout)
    assert said[1].startswith("Champion 3 of late is trial ")
    assert "A person went back to champion 1: the second one misses storms." in said[2]
