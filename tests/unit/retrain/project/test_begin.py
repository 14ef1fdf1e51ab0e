"""A project of one's own: the same manifests as a clone's, without the clone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from localargo import InvalidInput
from retrain.project import brought, models
from retrain.project.begin import begin
from retrain.project.kustomize import render
from retrain.project.manifests import findings
from retrain.project.new_model import TASKS
from retrain.project.questions import check_specs
from tests.committed import ROOT, copy_models
from tests.unit.retrain.cli.driver import call

OVERLAYS = sorted(path.name for path in (ROOT / "overlays").iterdir() if path.is_dir())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "p"
    assert begin(folder) == []
    return folder


@pytest.fixture
def project(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(made, tmp_path / "p")
    monkeypatch.chdir(tmp_path / "p")
    return Path()


def test_it_has_what_a_project_needs_and_nothing_to_complain_of(project: Path) -> None:
    there = {path.parts[0] for path in project.rglob("*") if path.is_file()}
    assert there == {"README.md", ".gitignore", ".github", "base", "models", "overlays", "requirements.txt"}
    assert models.specs(Path("models")) == []
    assert [finding for finding in findings([]) if finding.severity != "kept"] == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_its_overlays_render_what_the_clones_render(project: Path, overlay: str) -> None:
    shutil.rmtree("models")
    copy_models(project.resolve())
    models.sync(Path("models"))
    assert [d.doc for d in render(project / "overlays" / overlay)] == [d.doc for d in render(ROOT / "overlays" / overlay)]


def test_the_template_of_every_task_is_a_spec(project: Path) -> None:
    for task in TASKS:
        written = call("new", f"my-{task}", "--task", task)
        assert written.exit_code == 0, written.stderr
    specs = models.specs(Path("models"))
    assert (
        {yaml.safe_load(spec.read_text(encoding="utf-8"))["spec"]["task"] for spec in specs}
        == set(TASKS)
        == {"binary", "multiclass", "ranking", "regression"}
    )
    assert check_specs(specs) == []
    assert models.listed(Path("models")) == [spec.name for spec in specs]


def test_the_workflow_lints_with_the_release_that_the_project_is_for(project: Path) -> None:
    (job,) = yaml.safe_load((project / ".github/workflows/lint.yml").read_text(encoding="utf-8"))["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == ["pip install -r requirements.txt", "retrain lint --strict"]
    assert f"retrain=={brought.version()}\n" in (project / "requirements.txt").read_text(encoding="utf-8")


def test_files_that_are_there_stay_and_are_named(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine\n", encoding="utf-8")
    made = call("init", str(tmp_path))
    assert made.exit_code == 0, made.stderr
    assert made.stderr == f"{tmp_path}/README.md was there and stays as it is\n"
    assert made.stdout == f"{tmp_path} is a project now. Next: `cd {tmp_path}`, `retrain new NAME FILE...`\n"
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "mine\n"


def test_a_folder_with_other_manifests_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "overlays/laptop").mkdir(parents=True)
    (tmp_path / "overlays/laptop/kustomization.yaml").write_text("resources: []\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"overlays/laptop/kustomization\.yaml exists already, and a project begins with another"):
        begin(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["overlays"]


def test_one_that_was_interrupted_is_finished_by_the_same_command(project: Path) -> None:
    whole = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    for path in [*sorted(whole)[20:], brought.RECORD]:
        path.unlink(missing_ok=True)
    assert begin(project) == []
    assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file()} == whole


def test_a_second_time_it_says_which_verb_is_meant(project: Path) -> None:
    again = call("init", ".")
    assert (again.exit_code, again.stdout) == (2, "")
    assert again.stderr == "retrain: . is a project already: `retrain upgrade` in it brings new manifests\n"


def test_the_record_knows_every_file_that_a_release_brings(project: Path) -> None:
    record = json.loads(brought.RECORD.read_text(encoding="utf-8"))
    assert record["files"] == {path: brought.digest(text) for path, text in brought.files().items()}
    assert {"base/sensors/kustomization.yaml", "overlays/laptop/kustomization.yaml", "requirements.txt"} <= record["files"].keys()
