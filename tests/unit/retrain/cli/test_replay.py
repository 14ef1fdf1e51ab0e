import json
from pathlib import Path

import pytest

from tests.unit.retrain.cli.driver import MANIFEST, call


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    (tmp_path / "all.yaml").write_text(MANIFEST, encoding="utf-8")
    return str(tmp_path / "all.yaml")


def test_a_body_that_fires_shows_the_workflow_that_would_be_made(manifest: str) -> None:
    told = call("replay", "-", manifest, "--source", "hook", stdin='{"message": "hi"}')
    assert told.exit_code == 0, told.output
    assert "sensor ear trigger say: fires" in told.stdout
    assert '= "hi"' in told.stdout


def test_the_answer_as_json(manifest: str) -> None:
    told = call("replay", "-", manifest, "--source", "hook", "-o", "json", stdin='{"message": "hi"}')
    (trigger,) = json.loads(told.stdout)["triggers"]
    assert trigger["resource"]["spec"]["arguments"]["parameters"][0]["value"] == "hi"


def test_a_sample_that_nobody_takes_ends_with_1(manifest: str) -> None:
    told = call("replay", "sample:calendar", manifest, "--source", "clock")
    assert told.exit_code == 1, told.output
    assert "fires (" not in told.stdout


def test_an_event_that_is_not_there(manifest: str) -> None:
    assert call("replay", "missing.json", manifest).exit_code == 2
    assert call("replay", "sample:nothing", manifest).exit_code == 1
