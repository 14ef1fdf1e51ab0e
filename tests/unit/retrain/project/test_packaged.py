"""Where the handlers come from, and what a wheel has of the repository."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from retrain.project import packaged
from retrain.project.brought import PLATFORM
from retrain.project.questions import command, variables
from tests.committed import ROOT, tracked


def test_outside_a_clone_the_handlers_are_those_of_the_product(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert packaged.handlers_root() == packaged.root() == ROOT


def test_a_package_that_has_the_name_by_chance_is_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "handlers").mkdir()
    (tmp_path / "handlers/__init__.py").touch()
    monkeypatch.chdir(tmp_path)
    assert packaged.handlers_root() == ROOT


def test_a_clone_runs_its_own_handlers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / packaged.OURS).parent.mkdir(parents=True)
    (tmp_path / packaged.OURS).touch()
    monkeypatch.chdir(tmp_path)
    assert packaged.handlers_root() == tmp_path


def test_a_handler_finds_the_handlers_and_what_was_on_the_path_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/mine")
    assert variables({"A": "b"})["PYTHONPATH"] == os.pathsep.join([str(ROOT), "/mine"])
    monkeypatch.delenv("PYTHONPATH")
    assert variables({})["PYTHONPATH"] == str(ROOT)
    assert command("why", "m")[1:] == ["-P", "-m", "handlers.why", "m"]


def test_the_wheel_has_every_folder_that_a_project_gets() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    wanted = {*PLATFORM, "components", "overlays", "handlers"}
    assert wheel["sources"] == {"src": "", **{name: f"retrain/packaged/{name}" for name in {*wanted, "models"}}}
    assert set(wheel["only-include"]) == {"src", *wanted, "models/flight-delay.yaml"}  # the demo's model
    assert wanted <= {path.parts[0] for path in tracked()}
