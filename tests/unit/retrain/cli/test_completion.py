from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from retrain.cli import cli
from tests.unit.retrain.cli.driver import Engine


def offered(words: list[str], word: str) -> list[str]:
    return [item.value for item in ShellComplete(cli, {}, "retrain", "_RETRAIN_COMPLETE").get_completions(words, word)]


def test_verbs_and_options_are_offered() -> None:
    assert offered([], "re") == ["replay", "render", "resubmit", "resume", "retry"]
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


def test_nothing_is_offered_without_an_engine(tmp_path: Path) -> None:
    assert offered(["get", "--state", str(tmp_path)], "") == []
