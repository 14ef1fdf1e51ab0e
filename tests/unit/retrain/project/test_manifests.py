from pathlib import Path

import pytest

from localargo.errors import InvalidInput
from retrain.cli.loading import load
from retrain.project.manifests import documents
from tests.committed import copy_models
from tests.unit.retrain.cli.driver import call, start

ROOT = Path(__file__).parents[4]
CONFIGMAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an overlay of its models alone."""
    (tmp_path / "overlays/laptop").mkdir(parents=True)
    (tmp_path / "overlays/laptop/kustomization.yaml").write_text("resources: [../../models]\n", encoding="utf-8")
    copy_models(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_files_are_read_in_their_order(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.yaml").write_text(CONFIGMAP % name, encoding="utf-8")
    assert [d.name for d in documents([tmp_path / "b.yaml", tmp_path / "a.yaml"])] == ["b", "a"]


def test_without_files_it_is_the_overlay_here_and_its_list_of_models_is_kept(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = (repository / "models/flight-delay.yaml").read_text(encoding="utf-8")
    (repository / "models/added.yaml").write_text(spec.replace("flight-delay", "added"), encoding="utf-8")
    assert "added.yaml" not in documents([])[0].doc["data"]
    assert "added.yaml" in load([])[0].doc["data"]
    assert capsys.readouterr().err == "models/kustomization.yaml and models/generated/ now say what the specs say\n"


def test_without_files_and_overlay_it_is_wrong_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput, match="no overlays/laptop here: name manifests, or go to the folder of your project"):
        documents([])


def test_the_spec_of_a_model_is_no_manifest_and_it_is_said_what_takes_it() -> None:
    with pytest.raises(InvalidInput, match="the spec of a model is not a manifest: `retrain lint` checks it"):
        documents([ROOT / "models/flight-delay.yaml"])


@pytest.mark.parametrize("verb", [["up"], ["render"], ["run"], ["submit"], ["replay", "sample:minio"]])
def test_no_verb_takes_a_spec_for_a_manifest(verb: list[str]) -> None:
    refused = call(*verb, str(ROOT / "models/flight-delay.yaml"))
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "the spec of a model is not a manifest" in refused.stderr


@pytest.mark.parametrize(
    ("verb", "code", "answer"),
    [
        (["lint", "SPEC"], 0, "0 errors, 0 unsupported, 0 warnings, 0 not enforced here"),
        (["try", "SPEC", "gone.csv"], 2, "gone.csv: this file does not exist"),
        (["why", "m"], 1, "no bucket in .retrain yet: `retrain up --state .retrain` makes one"),
        (["new", "m"], 2, "no models/ here: go to the folder of your project; `retrain init DIR` makes one"),
        (
            ["lint"],
            2,
            "no overlays/ and no models/ here: name manifests, or go to the folder of your project; `retrain init DIR` makes one",
        ),
    ],
)
def test_outside_a_project_a_verb_works_or_says_what_is_missing(tmp_path: Path, verb: list[str], code: int, answer: str) -> None:
    spec = str(ROOT / "models/flight-delay.yaml")
    process = start(tmp_path, *(spec if word == "SPEC" else word for word in verb))
    shown, told = process.communicate(timeout=120)
    assert (process.returncode, shown) == (code, "")
    assert answer in told
