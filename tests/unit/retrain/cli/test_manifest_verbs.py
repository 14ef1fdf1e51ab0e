import json
from pathlib import Path

import pytest
import yaml

from tests.committed import copy_models
from tests.unit.retrain.cli.driver import HEAD, MANIFEST, Engine, call, shell

ROOT = Path(__file__).parents[4]


def write(folder: Path, text: str) -> str:
    (folder / "w.yaml").write_text(text, encoding="utf-8")
    return str(folder / "w.yaml")


def test_lint_of_what_is_well_ends_with_0(tmp_path: Path) -> None:
    told = call("lint", write(tmp_path, shell("true")))
    assert (told.exit_code, told.stdout) == (0, "")
    assert told.stderr.startswith("0 errors, 0 unsupported")


def test_lint_counts_what_is_not_enforced_and_shows_it_only_when_asked(tmp_path: Path) -> None:
    file = write(tmp_path, shell("true").replace("entrypoint: main", "entrypoint: main\n  serviceAccountName: a\n  hostNetwork: true"))
    short, whole = call("lint", file), call("lint", file, "-v")
    lines = whole.stdout.splitlines()
    assert (short.exit_code, whole.exit_code, short.stdout) == (0, 0, "")
    assert lines and all(": kept: " in line for line in lines)
    assert short.stderr == f"0 errors, 0 unsupported, 0 warnings, {len(lines)} not enforced here (-v shows them)\n"
    assert whole.stderr == f"0 errors, 0 unsupported, 0 warnings, {len(lines)} not enforced here\n"
    assert [f["severity"] for f in json.loads(call("lint", file, "-o", "json").stdout)] == ["kept"] * len(lines)


def test_lint_counts_one_error_as_one(tmp_path: Path) -> None:
    told = call("lint", write(tmp_path, shell("true").replace("entrypoint: main", "entrypoint: nothing")))
    assert told.stderr == "1 error, 0 unsupported, 0 warnings, 0 not enforced here\n"


def test_lint_ends_with_2_for_errors_and_names_file_and_line(tmp_path: Path) -> None:
    file = write(tmp_path, shell("true").replace("entrypoint: main", "entrypoint: nothing"))
    told = call("lint", file)
    assert told.exit_code == 2
    assert told.stdout.startswith(f"{file}:")
    found = json.loads(call("lint", file, "-o", "json").stdout)
    assert found[0]["severity"] == "error"
    assert yaml.safe_load(call("lint", file, "-o", "yaml").stdout) == found


def test_lint_ends_with_3_for_what_is_unsupported(tmp_path: Path) -> None:
    assert call("lint", write(tmp_path, HEAD % "plug" + "  - name: main\n    plugin: {hello: {}}\n")).exit_code == 3


def test_render_prints_every_document(tmp_path: Path) -> None:
    file = write(tmp_path, MANIFEST)
    documents = list(yaml.safe_load_all(call("render", file).stdout))
    assert [d["kind"] for d in documents] == ["WorkflowTemplate", "EventSource", "EventSource", "Sensor"]
    assert json.loads(call("render", file, "-o", "json").stdout)["items"] == documents


def test_render_without_manifests_is_wrong_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("render").exit_code == 2


def test_lint_mends_the_list_of_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = copy_models(tmp_path)
    listed = (models / "kustomization.yaml").read_text(encoding="utf-8")
    for spec in set(models.glob("*.yaml")) - {models / "kustomization.yaml"}:
        spec.unlink()
        listed = listed.replace(f"  - {spec.name}\n", "")
    (models / "kustomization.yaml").write_text(listed, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    written = call("new", "churn")
    assert written.exit_code == 0, written.output
    assert "  - churn.yaml\n" in (tmp_path / "models/kustomization.yaml").read_text(encoding="utf-8")
    text = (tmp_path / "models/churn.yaml").read_text(encoding="utf-8")
    (tmp_path / "models/churn.yaml").unlink()
    (tmp_path / "models/other.yaml").write_text(text.replace("churn", "other"), encoding="utf-8")
    missing = call("lint")
    assert missing.exit_code == 2
    assert "other.yaml is not listed" in missing.stdout
    assert call("lint", "--fix", "models").exit_code == 0
    (tmp_path / "models/other.yaml").unlink()
    gone = call("lint")
    assert gone.exit_code == 2
    assert "other.yaml is listed, but there is no such file" in gone.stdout
    assert "`retrain lint --fix models`" in gone.stdout
    assert call("lint", "--fix", "models").exit_code == 0


def test_lint_where_there_is_nothing_to_check_is_wrong_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused = call("lint")
    assert refused.exit_code == 2
    assert "no overlays/ and no models/ here" in refused.stderr


def test_what_the_engine_refuses_counts_in_its_own_overlay_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for overlay in ("laptop", "production"):
        (tmp_path / "overlays" / overlay).mkdir(parents=True)
    server = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: server}\n"
    wrong = shell("true").replace("entrypoint: main", "entrypoint: nothing")
    write(tmp_path / "overlays/production", server)
    write(tmp_path / "overlays/laptop", shell("true"))
    assert call("lint").exit_code == 0
    assert call("lint", "overlays/production").exit_code == 3
    write(tmp_path / "overlays/production", f"{server}---\n{wrong}")
    assert call("lint").exit_code == 2
    write(tmp_path / "overlays/production", shell("true"))
    write(tmp_path / "overlays/laptop", server)
    assert call("lint").exit_code == 3


def test_lint_takes_specs_of_models_beside_manifests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    wrong = tmp_path / "wrong.yaml"
    text = (ROOT / "models/flight-delay.yaml").read_text(encoding="utf-8")
    wrong.write_text(text.replace("task: binary", "task: binry"), encoding="utf-8")
    told = call("lint", "models/flight-delay.yaml", str(wrong), write(tmp_path, shell("true").replace("entrypoint", "entrypiont")))
    assert told.exit_code == 2
    assert f"{wrong}:" in told.stdout
    assert "did you mean 'binary'?" in told.stdout
    assert "entrypiont" in told.stdout
    assert "models/flight-delay.yaml" not in told.stdout


def test_apply_stores_a_document(engine: Engine, tmp_path: Path) -> None:
    template = next(t for t in MANIFEST.split("---\n") if "WorkflowTemplate" in t).replace("{name: say}", "{name: applied}")
    assert engine.ok("apply", write(tmp_path, template)).startswith("workflowtemplate/applied ")
    assert engine.ok("submit", "--from", "applied", "--wait").startswith("applied-")


def test_apply_refuses_what_is_wrong(engine: Engine, tmp_path: Path) -> None:
    template = MANIFEST.split("---\n")[0].replace("entrypoint: say", "entrypoint: nothing")
    assert engine.call("apply", write(tmp_path, template)).exit_code == 2
