"""Every recorded case, played by the pure part alone, ends as the real controller ended it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conformance import compare
from tests.unit.localargo.workflows import drive, sandbox

RECORDED = Path(__file__).parents[3] / "conformance"
CASES = sorted(c.parent for c in (RECORDED / "workflows").glob("*/case.yaml"))


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
