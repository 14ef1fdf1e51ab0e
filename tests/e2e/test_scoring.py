"""A file under score/<model>/ gets the champion's predictions by event, and trains nothing."""

from __future__ import annotations

import csv
import io
import json

import pytest
import yaml

from tests.e2e.repository import Repository, rows
from tests.waiting import wait_until

pytestmark = pytest.mark.slow


def test_a_new_file_gets_predictions_and_starts_no_run(repository: Repository) -> None:
    overlay = repository.folder / "overlays/laptop/kustomization.yaml"
    tree = yaml.safe_load(overlay.read_text(encoding="utf-8"))
    overlay.write_text(yaml.safe_dump({**tree, "components": ["../../components/scoring"]}), encoding="utf-8")
    repository.model(grid="[1e-4]")
    repository.up()
    repository.put("incoming/tiny/1.csv", rows("2024-03-01", 20, seed=1))
    assert repository.ended("upload")["status"]["phase"] == "Succeeded"
    repository.put("score/tiny/new.csv", rows("2024-04-01", 1, seed=3))
    scored = repository.ended("score")
    assert scored["status"]["phase"] == "Succeeded", repository.retrain("get", scored["metadata"]["name"])
    (document,) = repository.objects("predictions/tiny/").values()
    champion = repository.objects("models/tiny/")["models/tiny/champion.json"]
    assert (document["rows"], document["trial"], document["key"]) == (80, champion["trial"], "score/tiny/new.csv")
    client = repository.s3()
    found = client.get_object(Bucket="retrain", Key=document["predictions"])["Body"].read().decode()
    client.close()
    (repository.folder / "new.csv").write_text(rows("2024-04-01", 1, seed=3), encoding="utf-8")
    assert found == repository.retrain("predict", "tiny", "new.csv", "--proba")
    assert len(list(csv.DictReader(io.StringIO(found)))) == 80
    repository.put("score/tiny/new.csv", rows("2024-04-01", 1, seed=3))
    repository.put("incoming/tiny/2.csv", rows("2024-03-21", 2, seed=2))
    wait_until(lambda: len(repository.json("list", "-l", "retrain/trigger=upload")["items"]) == 2)
    repository.ended("upload")
    assert len(repository.objects("predictions/tiny/")) == 1
    assert {w["metadata"]["labels"]["retrain/trigger"] for w in repository.json("list")["items"]} == {"upload", "score"}
    assert json.loads(repository.retrain("model", "show", "tiny", "-o", "json"))["name"] == "tiny"
