"""The first hour of somebody who has the wheel and an empty folder: docs/tutorial/first-hour.md, typed as it stands there.

`make hour` shows how long each command takes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT
from tests.docs.shell import KEPT, Shell, of_page

PAGE = DOCS / "tutorial/first-hour.md"
PROGRAMS = ("kubectl", "weed")
FOUND = "import importlib.util as u; print(*(getattr(u.find_spec(name), 'origin', None) for name in ('retrain', 'localargo', 'handlers')))"


def borrow(environment: Path) -> None:
    """Give it the packages and programs that pip would have downloaded: this environment's. Its own `retrain` is a `.pth` file that is not
    read from here, and `handlers` is nowhere in it."""
    packages = environment / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    (packages / "borrowed.pth").write_text("\n".join({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}), encoding="utf-8")
    for program in PROGRAMS:
        found = shutil.which(program, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}")
        assert found, program
        (environment / "bin" / program).symlink_to(found)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """In a folder with nothing but the wheel. pip asks no index; an engine that the page has left running is ended."""
    folder = tmp_path / "empty"
    folder.mkdir()
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    built = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    path = [str(Path(sys.base_prefix) / "bin"), *os.defpath.split(os.pathsep)]
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    environment |= {"PATH": os.pathsep.join(path), "NO_COLOR": "1", "COLUMNS": "160"}
    environment |= {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    yield Shell(folder, environment, tmp_path / "variables")
    subprocess.run([folder / "v/bin/retrain", "down", "--state", folder / "shop/.retrain"], check=False, capture_output=True)


@pytest.mark.slow
def test_the_first_hour(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    for command in of_page(PAGE):
        started = time.monotonic()
        shell.carry_out(command)
        with capsys.disabled():
            now = time.monotonic()
            print(f"{now - began:6.1f} s {now - started:6.1f} s  $ {command.text.splitlines()[0]}", flush=True)
        if "pip install" in command.text:
            borrow(shell.folder / "v")
    asked = [str(shell.folder / "v/bin/python"), "-c", FOUND]
    found = subprocess.run(asked, cwd=shell.folder, env=shell.environment, capture_output=True, text=True, check=True).stdout
    retrain, localargo, handlers = found.split()
    assert {Path(origin).is_relative_to(shell.folder / "v") for origin in (retrain, localargo)} == {True}
    assert handlers == "None"
