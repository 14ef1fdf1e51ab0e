"""The README of the engine: its ten lines of Python run the Workflow above them and print what stands below them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "src" / "localargo" / "README.md"


def test_the_engine_is_embedded_as_shown(tmp_path: Path) -> None:
    shown = {block.language: block.text for block in blocks(PAGE)}
    (tmp_path / "hello.yaml").write_text(shown["yaml"], encoding="utf-8")
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(tmp_path), "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-W", "error", "-c", shown["python"]]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, shown["text"], "")
    assert len([line for line in shown["python"].splitlines() if line.strip()]) <= 10
