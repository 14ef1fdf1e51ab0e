"""What follows from the specs: calendars, and the names that Sensors let through."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from localargo import load_documents
from retrain.project import generated, models
from retrain.project.manifests import findings
from tests.committed import ROOT, copy_repository

SPEC = "spec: {data: {sources: {incoming: {prefix: incoming/NAME/}}}, trigger: {schedule: {cron: '30 4 * * *'}}}\n"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy_repository(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(folder: Path) -> str:
    text = (folder / "models/generated/names/names.yaml").read_text(encoding="utf-8")
    return str(yaml.safe_load(text)["spec"]["dependencies"][0]["filters"]["data"][0]["value"][0])


def test_what_is_committed_says_what_the_specs_say() -> None:
    assert generated.stale(ROOT / "models", models.manifests(ROOT / "models")) == []


def test_a_new_model_is_let_through_and_ticks(repository: Path) -> None:
    (repository / "models/added.yaml").write_text(SPEC.replace("NAME", "lands"), encoding="utf-8")
    told = [f.message for f in findings([]) if f.severity == "error"]
    assert "generated/names/names.yaml does not say what the specs say" in told
    assert "generated/schedules/schedules.yaml does not say what the specs say" in told
    assert models.sync(repository / "models")
    assert not models.sync(repository / "models")
    assert names(repository) == "^(added|arrival-minutes|flight-delay|lands)$"
    source, sensor = load_documents((repository / "models/generated/schedules/schedules.yaml").read_text(encoding="utf-8"), "s")
    assert source.doc["spec"]["calendar"]["added"] == {"schedule": "30 4 * * *", "timezone": "UTC", "metadata": {"model": "added"}}
    assert [t["template"]["name"] for t in sensor.doc["spec"]["triggers"]] == ["added", "flight-delay"]


def test_without_models_nothing_is_let_through_and_nothing_ticks(repository: Path) -> None:
    from retrain.project.kustomize import render

    for name in ("arrival-minutes", "flight-delay"):
        (repository / f"models/{name}.yaml").unlink()
    (repository / "models/only.yaml").write_text("spec: {}\n", encoding="utf-8")
    models.sync(repository / "models")
    assert {d.name for d in render(repository / "overlays/laptop") if d.kind in ("EventSource", "Sensor")}.isdisjoint(
        {"schedules", "names"}
    )
    (repository / "models/only.yaml").unlink()
    models.sync(repository / "models")
    assert names(repository) == generated.NONE


def test_a_folder_of_models_alone_gets_no_manifests(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("configMapGenerator:\n- name: models\n  files:\n", encoding="utf-8")
    (tmp_path / "a.yaml").write_text("spec: {}\n", encoding="utf-8")
    assert models.sync(tmp_path)
    assert not (tmp_path / generated.FOLDER).exists()


def test_a_schedule_that_cannot_be_read_is_found_by_lint(repository: Path) -> None:
    text = (repository / "models/flight-delay.yaml").read_text(encoding="utf-8")
    (repository / "models/flight-delay.yaml").write_text(text.replace("17 2 * * *", "77 2 * * *"), encoding="utf-8")
    models.sync(repository / "models")
    told = "\n".join(str(f) for f in findings([]) if f.severity == "error")
    assert "minute '77' is not between 0 and 59" in told
