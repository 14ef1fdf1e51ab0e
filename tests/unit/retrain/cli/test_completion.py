from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from retrain.cli import cli
from tests.unit.retrain.cli.driver import Engine


def offered(words: list[str], word: str) -> list[str]:
    return [item.value for item in ShellComplete(cli, {}, "retrain", "_RETRAIN_COMPLETE").get_completions(words, word)]


def test_verbs_and_options_are_offered() -> None:
    assert offered([], "re") == ["replay", "render", "resubmit", "resume", "retry", "report"]
    assert "--node-field-selector" in offered(["stop"], "--")
    assert offered(["list", "--phase"], "S") == ["Succeeded"]
    assert offered(["sources"], "") == ["pause", "resume"]


@pytest.mark.parametrize("verb", [["get"], ["stop"], ["wait"], ["logs"], ["trials"], ["node", "set"]])
def test_workflows_are_offered_by_name(engine: Engine, finished: str, verb: list[str]) -> None:
    assert offered([*verb, "--state", str(engine.state)], finished[:6]) == [finished]
    assert offered(["--state", str(engine.state), *verb], "@") == ["@latest"]


def test_sources_are_offered_and_no_models_where_none_are(engine: Engine) -> None:
    assert offered(["sources", "pause", "--state", str(engine.state)], "") == ["clock", "hook"]
    assert offered(["runs", "--state", str(engine.state)], "") == []


@pytest.mark.slow
def test_models_are_offered(bucketed: Engine) -> None:
    for verb in (["runs"], ["why"], ["put", "--model"]):
        assert offered(["--state", str(bucketed.state), *verb], "f") == ["fine"], verb


def test_try_offers_the_sources_of_the_spec_and_files_after_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.yaml").write_text("spec: {data: {sources: {incoming: {}, stores: {}}}}", encoding="utf-8")
    (tmp_path / "stores.csv").touch()
    (tmp_path / "sales").mkdir()
    assert offered(["try", "m.yaml"], "") == ["incoming=", "stores=", ""]
    assert offered(["try", "m.yaml"], "st") == ["stores=", "st"]
    assert offered(["try", "m.yaml", "incoming=a.csv"], "stores=s") == ["stores=sales/", "stores=stores.csv"]
    (tmp_path / "m.yaml").write_text("spec: {data: {sources: {incoming: {}}}}", encoding="utf-8")
    assert offered(["try", "m.yaml"], "") == [""]


def test_nothing_is_offered_without_an_engine(tmp_path: Path) -> None:
    assert offered(["get", "--state", str(tmp_path)], "") == []
