"""A model of one's own on a running engine: its file travels with the spec, resumes, is judged, and predicts."""

from __future__ import annotations

import json

import pytest

from tests.e2e.repository import Repository, rows
from tests.handlers.models.test_own import LOGISTIC

pytestmark = pytest.mark.slow


def test_its_file_travels_with_the_spec_and_the_champion_predicts(repository: Repository) -> None:
    built_in = "{estimator: sklearn.linear_model.SGDClassifier, params: {loss: log_loss, average: true}}"
    own = {built_in: '{estimator: "models/tiny.py:Logistic"}', "{alpha: [1e-4, 1e-3]}": "{rate: [0.01]}"}
    repository.model(replaced=own)
    (repository.folder / "models" / "tiny.py").write_text(LOGISTIC, encoding="utf-8")
    repository.up()
    repository.put("incoming/tiny/one.csv", rows("2024-03-01", 20, seed=1))
    run = repository.ended("upload")
    assert run["status"]["phase"] == "Succeeded", repository.retrain("get", run["metadata"]["name"])
    champion = repository.objects("models/tiny/")["models/tiny/champion.json"]
    assert champion["run"] == run["metadata"]["name"]
    (repository.folder / "new.csv").write_text("x,kind\n2.0,a\n-2.0,c\n", encoding="utf-8")
    lines = repository.retrain("predict", "tiny", "new.csv", "--proba", "-o", "json").splitlines()
    likely, unlikely = (json.loads(line)["probability"] for line in lines)
    assert likely > 0.5 > unlikely
    repository.put("score/tiny/new.csv", "x,kind\n2.0,a\n-2.0,c\n")
    repository.retrain("submit", "--from", "workflowtemplate/score", "-p", "model=tiny", "--wait")
    (made,) = repository.objects("predictions/tiny/").values()
    assert (made["trial"], made["rows"]) == (champion["trial"], 2)
    (repository.folder / "models" / "tiny.py").write_text(LOGISTIC + "\nMORE = 1\n", encoding="utf-8")
    assert "models/tiny.py is another one here" in repository.errors("predict", "tiny", "new.csv")
