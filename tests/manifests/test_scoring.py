"""A file to predict for: which Workflow it makes, that it trains nothing, and that nothing else makes it."""

from __future__ import annotations

import base64
import json
import re
from functools import cache

import pytest

from localargo.manifests.document import Document
from localargo.testing import Sensors
from tests.manifests.installs import named, render_with
from tests.manifests.test_bucket_components import AT, body, entry, record

KEY = "score/flight-delay/march/new.csv"


@cache
def installed(*components: str) -> list[Document]:
    return render_with(list(components))


@pytest.fixture
def ours(sensors: Sensors) -> Sensors:
    return sensors.given(*installed("scoring"))


def test_a_file_to_predict_for_starts_its_scoring_and_no_training(ours: Sensors) -> None:
    (made,) = ours.when({"key": KEY, "etag": "e1"}, source="bucket", at=AT).workflows
    assert re.fullmatch(r"score-flight-delay-[0-9a-f]{12}", made.name)
    assert (made.template, made.labels["retrain/trigger"], set(made.parameters)) == ("score", "score", {"model", "event"})
    event = json.loads(base64.b64decode(made.parameters["event"]))
    assert (made.parameters["model"], event["key"], event["etag"], event["reason"]) == ("flight-delay", KEY, "e1", "score")


def test_a_file_that_is_announced_again_is_scored_once_and_another_content_again(ours: Sensors) -> None:
    ours.when({"key": KEY, "etag": "e1"}, source="bucket", at=AT)
    again = ours.when({"key": KEY, "etag": "e1"}, source="bucket", at=AT + 100)
    assert (again.workflows, len(again.refused)) == ([], 1)
    assert len(ours.when({"key": KEY, "etag": "e2"}, source="bucket", at=AT + 101).workflows) == 1


def test_an_upload_starts_a_training_and_no_scoring(ours: Sensors) -> None:
    (made,) = ours.when({"key": "incoming/flight-delay/1.csv", "etag": "e1"}, source="bucket", at=AT).workflows
    assert made.template == "retrain"


@pytest.mark.parametrize(
    "key",
    [
        "predictions/flight-delay/new.csv/0123456789abcdef.csv",
        "score/nobody/new.csv",
        "score/{{workflow.name}}/new.csv",
        "trials/flight-delay/x/exports/y/model.json",
    ],
)
def test_predictions_and_files_of_no_model_start_nothing(ours: Sensors, key: str) -> None:
    assert ours.when({"key": key, "etag": "e1"}, source="bucket", at=AT).workflows == []


@pytest.mark.parametrize("document", [record(KEY), entry(KEY), record("incoming/flight-delay/1.csv"), entry("incoming/flight-delay/1.csv")])
def test_a_store_that_posts_tells_of_both(sensors: Sensors, document: dict[str, object]) -> None:
    sensors.given(*installed("scoring", "bucket-webhook"))
    (made,) = sensors.when(body(document), source="bucket", at=AT).workflows
    assert made.template == ("score" if KEY in json.dumps(document) else "retrain")


def test_the_queue_and_the_bucket_of_an_install_are_the_same_for_both() -> None:
    queued = named(render_with(["scoring", "bucket-sqs"]), "Sensor", "score")["spec"]["dependencies"][0]
    assert queued["eventName"] == "upload"
    assert 'startswith("score/")' in queued["transform"]["jq"]
    events = named(render_with(["bucket-minio", "scoring"]), "EventSource", "bucket")["spec"]["minio"]
    assert set(events) == {"upload", "batch", "score"}
    assert len({(each["endpoint"], each["bucket"]["name"], each["insecure"]) for each in events.values()}) == 1


def test_the_pods_of_every_workflow_are_locked_down() -> None:
    documents = render_with(["scoring", "restricted"])
    for name in ("retrain", "heal", "score"):
        assert named(documents, "WorkflowTemplate", name)["spec"]["securityContext"]["runAsNonRoot"] is True, name
    assert named(documents, "Sensor", "score")["spec"]["template"]["container"]["securityContext"]["readOnlyRootFilesystem"] is True
    assert "podSpecPatch" in named(documents, "WorkflowTemplate", "score")["spec"]["templates"][0]
