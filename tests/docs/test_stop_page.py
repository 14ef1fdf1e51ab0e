"""The page about stopping a trial: its specs are taken, its command is carried out, what it says to be refused is."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from handlers.models.checkpoint import Progress
from handlers.modelspec import yaml12
from handlers.modelspec.parse import parse, read
from handlers.runs import live, stops
from handlers.runs.live import Asked, Live
from handlers.storage import FolderStore, write_json
from retrain.cli.models.stop_trial import stop_trial
from tests.docs.pages import DOCS, ROOT, blocks

PAGE = DOCS / "howto" / "stop-a-bad-trial.md"
TEXT = PAGE.read_text(encoding="utf-8")
OWN, RULE = (yaml12.load(each.text) for each in blocks(PAGE) if each.language == "yaml")
RUN = "retrain-flight-delay-1"


def tree(*shown: dict[str, Any]) -> dict[str, Any]:
    found: Any = yaml12.load((ROOT / "models" / "flight-delay.yaml").read_text(encoding="utf-8"))
    for each in shown:
        found["spec"] |= each
    return dict(found)


def findings(*shown: dict[str, Any]) -> list[str]:
    return [str(found) for found in read(json.dumps(tree(*shown)), "spec")[1]]


def test_the_specs_of_the_page_are_taken() -> None:
    assert findings(OWN) == findings(RULE) == []
    stop = parse(json.dumps(tree(RULE))).search.stop
    assert stop is not None
    assert (stop.epochs, stop.margin, stop.where_more_is_better) == (2, 0.02, True)
    for other in ("best + 0.02", "median"):
        assert f"`{other}`" in TEXT or f"worse_than: {other}`" in TEXT
        assert findings(RULE, {"search": {**RULE["search"], "stop": {"after": "1 epoch", "worse_than": other}}}) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"halving": {"min_epochs": 1}}, "spec.search.stop: not accepted with search.halving"),
        ({"grid": None}, "spec.search.stop: there is only one trial"),
        ({"stop": {"after": "20 epochs", "worse_than": "median"}}, "20 epochs is not less than training.epochs, which is 20"),
        ({"stop": {"after": "2", "worse_than": "median"}}, "'2' is not accepted; accepted: a number of epochs, as 2 epochs"),
        ({"stop": {"after": "2 epochs", "worse_than": "best"}}, "'best' is not accepted; accepted: best - 0.02, best + 0.02"),
    ],
)
def test_what_cannot_be_is_refused(change: dict[str, Any], words: str) -> None:
    search = {key: value for key, value in {**RULE["search"], **change}.items() if value is not None}
    assert any(words in found for found in findings(RULE, {"search": search})), findings(RULE, {"search": search})


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderStore:
    """A bucket with a run whose trials are under way."""
    store = FolderStore(tmp_path / "bucket")
    monkeypatch.setenv("RETRAIN_BUCKET", f"file://{tmp_path}/bucket")
    write_json(store, f"runs/flight-delay/{RUN}/request.json", {"model": "flight-delay", "run": RUN, "at": 1.0, "decision": "train"})
    for name, trial in (("a", "3f0c11"), ("b", "77aa22")):
        told = Live(store, "flight-delay", RUN, Asked(name, trial, {}, 20, 100, "roc_auc"))
        told.seen(Progress(), epoch_ended=False)
    return store


def typed(tmp_path: Path, text: str) -> Any:
    return CliRunner().invoke(stop_trial, [*shlex.split(text)[2:], "--state", str(tmp_path / "none")])


def test_the_command_of_the_page_writes_the_decision(begun: FolderStore, tmp_path: Path) -> None:
    (command,) = [each.text for each in blocks(PAGE) if each.language == "sh"]
    command = command.replace("@latest", RUN)
    done = typed(tmp_path, command)
    assert done.exit_code == 0, done.output
    assert done.output.startswith("Trial 3f0c11 is asked to stop: it overfits since epoch 2. It ends in seconds")
    decision = stops.decided(begun, "flight-delay", RUN, "a")
    assert decision is not None
    assert (decision["by"], decision["why"], decision["epoch"]) == ("hand", "it overfits since epoch 2", None)
    assert stops.decided(begun, "flight-delay", RUN, "b") is None
    stops.settle(begun, "flight-delay", RUN, "a", 3, "")
    assert typed(tmp_path, command).output == "Trial 3f0c11 was stopped by hand after epoch 3: it overfits since epoch 2\n"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (f"retrain stop-trial {RUN} 99 --reason x", "has no trial that has begun with a name like '99'; there are: 3f0c11, 77aa22"),
        (f"retrain stop-trial {RUN} '' --reason x", "has 2 trials that have begun with a name like ''"),
        (f"retrain stop-trial {RUN} 3f --reason ' '", "--reason: say why"),
        ("retrain stop-trial nobody 3f --reason x", "there is no run 'nobody'; `retrain runs` lists them"),
    ],
)
def test_what_is_not_there_is_named(begun: FolderStore, tmp_path: Path, command: str, words: str) -> None:
    done = typed(tmp_path, command)
    assert done.exit_code
    assert words in str(done.exception)


def test_what_is_trained_or_over_is_not_stopped(begun: FolderStore, tmp_path: Path) -> None:
    told = live.of_run(begun, "flight-delay", RUN)[0]
    write_json(begun, live.key("flight-delay", RUN, "a"), {**told, "state": "trained"})
    assert "trial 3f0c11 is trained: there is nothing to stop" in str(typed(tmp_path, f"retrain stop-trial {RUN} 3f --reason x").exception)
    write_json(begun, f"runs/flight-delay/{RUN}/result.json", {"outcome": "refused", "reason": ""})
    assert f"run {RUN} has ended: refused" in str(typed(tmp_path, f"retrain stop-trial {RUN} 77 --reason x").exception)
