"""`handlers.check`: what is wrong with specs, and what is only to be known."""

from __future__ import annotations

from pathlib import Path

from handlers.check import check
from tests.committed import ROOT

TEXT = (ROOT / "models/flight-delay.yaml").read_text(encoding="utf-8")


def test_a_sound_spec_has_no_findings(tmp_path: Path) -> None:
    file = tmp_path / "flight-delay.yaml"
    file.write_text(TEXT, encoding="utf-8")
    assert check(file) == []


def test_a_prefix_of_another_name_is_warned_of(tmp_path: Path) -> None:
    file = tmp_path / "flight-delay.yaml"
    file.write_text(TEXT.replace("incoming/flight-delay/", "incoming/other/"), encoding="utf-8")
    (found,) = check(file)
    assert (found["severity"], found["path"]) == ("warning", "spec.data.sources.incoming.prefix")
    assert found["message"] == "uploads under incoming/other/ start runs of the name `other`, not `flight-delay`"
