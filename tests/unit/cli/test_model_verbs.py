from pathlib import Path

import pytest

from retrain.cli import model_verbs
from tests.unit.cli.driver import call


@pytest.mark.parametrize("verb", [["models"], ["runs"], ["runs", "m"], ["trials", "r"], ["why", "m"]])
def test_without_a_bucket_every_question_says_what_makes_one(tmp_path: Path, verb: list[str]) -> None:
    refused = call(*verb, "--state", str(tmp_path))
    assert refused.exit_code == 1
    assert "no bucket in" in refused.stderr


def test_new_refuses_a_bad_name_a_wrong_folder_and_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("new", "Not_A_Name").exit_code == 2
    assert "no models/ here" in call("new", "fine").stderr
    (tmp_path / "models").mkdir()
    (tmp_path / "models/fine.yaml").touch()
    refused = call("new", "fine")
    assert refused.exit_code == 2
    assert "is there already" in refused.stderr


def test_the_reason_is_the_last_thing_that_the_handler_said() -> None:
    assert model_verbs._reason('{"message": "first"}\n{"message": "last"}\n') == "last"
    assert model_verbs._reason('{"message": "first"}\n{"other": 1}\n') == "first"
    assert model_verbs._reason("plain words") == "plain words"
    assert model_verbs._reason("") == "the handler said nothing"
