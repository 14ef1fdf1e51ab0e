"""Every recorded case, played by the pure part alone, ends as the real controller ended it."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent
RECORDED = HERE.parents[2] / "conformance"
CASES = sorted(c.parent for c in (RECORDED / "workflows").glob("*/case.yaml"))


def _module(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


sandbox = _module("sandbox", HERE / "sandbox.py")
drive = _module("drive", HERE / "drive.py")
compare = _module("conformance_compare_workflows", RECORDED / "compare.py")

needs_namespaces = pytest.mark.skipif(not sandbox.available(), reason="this kernel gives no mount namespaces with overlays to this user")


def differences(case: Path, folder: Path, reload: bool) -> list[str]:
    played = drive.Drive(folder, reload=reload)
    names = played.load((case / "case.yaml").read_text(encoding="utf-8"))
    got = played.play(names)
    want = json.loads((case / "expect.json").read_text(encoding="utf-8"))
    assert len(want) == len(got)
    return [
        f"{i}{d}" for i, (w, g) in enumerate(zip(want, got, strict=True)) for d in compare.differences(w, compare.normalise_workflow(g))
    ]


def test_there_are_cases() -> None:
    assert len(CASES) >= 39


@pytest.mark.slow
@needs_namespaces
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_recorded_case(case: Path, tmp_path: Path) -> None:
    assert differences(case, tmp_path, reload=False) == []


@pytest.mark.slow
@needs_namespaces
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_recorded_case_with_a_load_between_any_two_reconciles(case: Path, tmp_path: Path) -> None:
    assert differences(case, tmp_path, reload=True) == []
