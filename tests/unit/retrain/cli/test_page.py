"""`retrain page` as a person starts it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.unit.retrain.cli.driver import call

ROOT = Path(__file__).parents[4]


def test_a_bucket_alone_is_shown_until_the_parent_ends(tmp_path: Path) -> None:
    environment = {**os.environ, "RETRAIN_BUCKET": f"file://{tmp_path}/bucket", "PYTHONPATH": str(ROOT), "RETRAIN_PAGE_TOKEN": ""}
    command = [sys.executable, "-m", "retrain.cli", "page", "--listen", "127.0.0.1:0", "--act", "--while-open", "--state", str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=tmp_path) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        address, token = process.stdout.readline().strip(), process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        assert "No run has left anything" in httpx.get(address, timeout=60).text
        assert httpx.post(f"{address}sign-in", data={"token": token.removeprefix("token: ")}).status_code == 303
        process.stdin.close()
        assert process.wait(60) == 0
    assert "no bucket in" in call("page", "--state", str(tmp_path)).stderr


def test_a_port_that_is_taken_and_an_address_that_is_none_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETRAIN_BUCKET", f"file://{tmp_path}/bucket")
    with socket.create_server(("127.0.0.1", 0)) as server:
        where = f"127.0.0.1:{server.getsockname()[1]}"
        taken = call("page", "--listen", where, "--state", str(tmp_path))
    assert (taken.exit_code, f"{where}: Address already in use: choose another by --listen" in taken.stderr) == (1, True)
    assert call("page", "--listen", "8780").exit_code == 2
