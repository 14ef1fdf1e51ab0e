"""The repository's Sensors: which Workflow an event makes, with which arguments, and why others make none."""

from __future__ import annotations

import base64
import copy
import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from handlers.contracts import BadData
from handlers.events import incoming
from localargo.eventsources.payload import request_payload
from localargo.manifests.document import Document
from localargo.testing.delivery import Sensors
from retrain.cli.models.backfill import named
from retrain.project.kustomize import render

ROOT = Path(__file__).parent.parent.parent
AT = 1_750_000_007.5
WINDOW = "175000000"  # its ten seconds


@cache
def rendered() -> list[Document]:
    return render(ROOT / "overlays" / "laptop")


@pytest.fixture
def ours(sensors: Sensors) -> Sensors:
    return sensors.given(*rendered())


def decoded(text: Any) -> Any:
    return json.loads(base64.b64decode(text))


def test_an_upload_asks_for_a_run_of_the_model_in_its_key(ours: Sensors) -> None:
    made = ours.when({"key": "incoming/flight-delay/2013-01.csv", "etag": "e1"}, source="bucket", at=AT).workflow
    assert (made.name, made.template) == (f"retrain-flight-delay-{WINDOW}", "retrain")
    assert made.labels["retrain/trigger"] == "upload"
    assert {name: made.parameters[name] for name in ("model", "window")} == {"model": "flight-delay", "window": WINDOW}
    assert set(made.parameters) == {"model", "event", "context", "window"}
    context = decoded(made.parameters["context"])
    assert (context["source"], context["subject"], context["type"]) == ("bucket", "upload", "minio")
    assert len(context["id"]) == 32
    assert context["time"].startswith("2025-06-15T")
    event = decoded(made.parameters["event"])
    assert (event["model"], event["key"], event["etag"], event["reason"]) == (
        "flight-delay",
        "incoming/flight-delay/2013-01.csv",
        "e1",
        "upload",
    )


def test_uploads_of_one_window_ask_for_one_run_and_the_next_window_for_another(ours: Sensors) -> None:
    ours.when({"key": "incoming/flight-delay/1.csv"}, source="bucket", at=AT)
    second = ours.when({"key": "incoming/flight-delay/2.csv"}, source="bucket", at=AT + 2)
    assert (second.workflows, second.refused) == ([], [f"retrain-flight-delay-{WINDOW}"])
    ours.when({"key": "incoming/flight-delay/3.csv"}, source="bucket", at=AT + 3)
    ours.when({"key": "incoming/arrival-minutes/3.csv"}, source="bucket", at=AT + 3)
    assert [w.name for w in ours.workflows] == [
        f"retrain-flight-delay-{WINDOW}",
        "retrain-flight-delay-175000001",
        "retrain-arrival-minutes-175000001",
    ]


@pytest.mark.parametrize(
    "key", ["batches/flight-delay/2013-02/_READY", "batches/flight-delay/2013/02/_READY", "batches/flight-delay/_READY"]
)
def test_the_end_of_a_batch_asks_for_a_run_of_its_model(ours: Sensors, key: str) -> None:
    made = ours.when({"key": key}, source="bucket", at=AT).workflow
    assert (made.name, made.labels["retrain/trigger"]) == (f"retrain-flight-delay-{WINDOW}", "batch")
    event = decoded(made.parameters["event"])
    assert (event["model"], event["key"], event["reason"]) == ("flight-delay", key, "batch")


@pytest.mark.parametrize("key", ["batches/flight-delay/2013-02/part-0.csv", "batches/flight-delay/2013-02/NOT_READY", "runs/m/r/_READY"])
def test_the_files_of_a_batch_do_not_leave_their_source(ours: Sensors, key: str) -> None:
    delivery = ours.when({"key": key}, source="bucket", at=AT)
    assert (delivery.workflows, delivery.rejected) == ([], {})
    assert "filter." in delivery.dropped


@pytest.mark.parametrize(
    "key",
    [
        "incoming/{{workflow.name}}/a.csv",
        "incoming/../../etc/passwd",
        "incoming//a.csv",
        "incoming/a.csv",
        "incoming/UPPER/a.csv",
        "incoming/$(reboot)/a.csv",
        "incoming/a\nb/a.csv",
        "incoming/-a/b.csv",
        f"incoming/{'a' * 41}/a.csv",
        "elsewhere",
    ],
)
def test_keys_that_name_no_model_make_nothing(ours: Sensors, key: str) -> None:
    delivery = ours.when({"key": key}, source="bucket", at=AT)
    assert delivery.workflows == []
    assert "filter.prefix" in delivery.dropped if not key.startswith("incoming/") else "model" in delivery.rejected["bucket/event"]


@pytest.mark.parametrize("key", ["runs/flight-delay/r1/result.json", "models/flight-delay/champion.json", "runs/m/r/_READY"])
@pytest.mark.parametrize(("event", "sensor"), [("upload", "bucket"), ("batch", "batch")])
def test_what_a_run_leaves_starts_no_run_whatever_the_source_lets_through(sensors: Sensors, key: str, event: str, sensor: str) -> None:
    documents = copy.deepcopy([document.doc for document in rendered()])
    for each in documents:
        if (each["kind"], each["metadata"]["name"]) == ("EventSource", "bucket"):
            del each["spec"]["minio"][event]["filter"]
    delivery = sensors.given(*documents).when({"key": key}, source=f"bucket/{event}", at=AT)
    assert (delivery.workflows, delivery.dropped, list(delivery.rejected)) == ([], "", [f"{sensor}/event"])


def test_the_rest_of_a_hostile_key_travels_as_data_alone(ours: Sensors) -> None:
    key = "incoming/flight-delay/{{workflow.uid}} $(reboot) '\"\n.csv"
    made = ours.when({"key": key}, source="bucket", at=AT).workflow
    event = made.parameters.pop("event")
    assert decoded(made.parameters["event"])["key"] == key
    assert "reboot" not in json.dumps(made.document).replace(str(event), "")
    assert "{{" not in json.dumps(made.document)


def test_a_post_asks_for_a_run(ours: Sensors) -> None:
    made = ours.when({"model": "flight-delay", "reason": "new labels"}, source="webhook", at=AT).workflow
    assert (made.name, made.labels["retrain/trigger"]) == (f"retrain-flight-delay-{WINDOW}", "webhook")
    event = decoded(made.parameters["event"])
    assert (event["model"], event["reason"], event["source"], event["key"]) == ("flight-delay", "new labels", "webhook", "")


CLOUDEVENT = {"specversion": "1.0", "id": "1", "source": "/x", "type": "t"}
DATA = {"model": "flight-delay", "reason": "ce"}
BASE64 = base64.b64encode(json.dumps(DATA).encode()).decode()
BINARY = {"CE-SpecVersion": "1.0", "ce-id": "1", "ce-source": "/x", "Ce-Type": "t"}


def sent(body: Any, content_type: str = "application/json", **headers: str) -> str:
    """The payload that the source makes of a POST."""
    given = {"content-type": content_type, "authorization": "Bearer x", **headers}
    return request_payload("POST", b"", [(k.encode(), v.encode()) for k, v in given.items()], json.dumps(body).encode(), None).decode()


@pytest.mark.parametrize(
    "payload",
    [
        sent({**CLOUDEVENT, "data": DATA}, "application/cloudevents+json; charset=utf-8"),
        sent({**CLOUDEVENT, "data_base64": BASE64}, "application/cloudevents+json"),
        sent({**CLOUDEVENT, "data": DATA}),
        sent(DATA, **BINARY),
        sent(DATA, "application/json; charset=utf-8", **BINARY),
    ],
    ids=["structured", "base64", "structured without its content type", "binary", "binary with a charset"],
)
def test_a_posted_cloudevent_asks_for_a_run_and_keeps_its_name(ours: Sensors, payload: str) -> None:
    made = ours.when(payload, source="webhook", at=AT).workflow
    assert "Bearer" not in json.dumps(decoded(made.parameters["event"]))
    request = incoming.read(str(made.parameters["event"]))
    assert (request.model, request.reason, request.source) == ("flight-delay", "ce", "webhook")
    assert (request.id, request.sender, request.type) == ("1", "/x", "t")


@pytest.mark.parametrize("headers", [{"ce-id": "1"}, {"ce-specversion": "1.0", "ce-type": "t", "ce-source": "/x"}])
def test_a_posted_cloudevent_without_a_name_is_refused_by_the_handler(ours: Sensors, headers: dict[str, str]) -> None:
    made = ours.when(sent(DATA, **headers), source="webhook", at=AT).workflow
    with pytest.raises(BadData, match="the CloudEvent has no"):
        incoming.read(str(made.parameters["event"]))


@pytest.mark.parametrize(
    "payload",
    [
        sent([{**CLOUDEVENT, "data": DATA}], "application/cloudevents-batch+json"),
        sent({**CLOUDEVENT, "data": "flight-delay"}, "application/cloudevents+json"),
        sent({**CLOUDEVENT, "data_base64": "%"}, "application/cloudevents+json"),
        sent({**CLOUDEVENT}, "application/cloudevents+json"),
        sent("flight-delay", **BINARY),
    ],
    ids=["batch", "text", "not base64", "no data", "binary text"],
)
def test_a_posted_cloudevent_that_names_no_model_makes_nothing(ours: Sensors, payload: str) -> None:
    delivery = ours.when(payload, source="webhook", at=AT)
    assert (delivery.workflows, list(delivery.rejected)) == ([], ["webhook/event"])


@pytest.mark.parametrize(
    "sent",
    [b'{"model": "flight-delay", "reason": "a colleague asked"}', b"model=flight-delay&reason=a+colleague+asked"],
    ids=["JSON", "form"],
)
def test_what_curl_sends_without_a_content_type_asks_for_a_run(ours: Sensors, sent: bytes) -> None:
    made = ours.when(posted(sent), source="webhook", at=AT).workflow
    event = decoded(made.parameters["event"])
    assert (event["model"], event["reason"]) == ("flight-delay", "a colleague asked")
    assert not {"cloudevent", "headers"} & set(event)


@pytest.mark.parametrize("reason", ["a=b", "a==b=", "=", "a =b"])
def test_json_that_a_form_has_cut_at_an_equals_sign_is_put_together(ours: Sensors, reason: str) -> None:
    made = ours.when(posted(json.dumps({"model": "flight-delay", "reason": reason}).encode()), source="webhook", at=AT).workflow
    assert decoded(made.parameters["event"])["reason"] == reason


@pytest.mark.parametrize("reason", ["a&b", "a=&b=1&b=2"])
def test_json_that_a_form_has_cut_up_is_dropped_with_the_reason(ours: Sensors, reason: str) -> None:
    delivery = ours.when(posted(json.dumps({"model": "flight-delay", "reason": reason}).encode()), source="webhook", at=AT)
    assert delivery.workflows == []
    assert "JSON sent as a form, which cuts it up: send Content-Type: application/json" in delivery.rejected["webhook/event"]


@pytest.mark.parametrize("sent", [b"{not json", b"model=gone", b"=", b"reason=x", b"model=flight-delay%0a"])
def test_a_form_that_names_no_model_makes_nothing(ours: Sensors, sent: bytes) -> None:
    assert ours.when(posted(sent), source="webhook", at=AT).workflows == []


def posted(sent: bytes) -> str:
    """The payload that the source makes of a POST with curl's default content type."""
    return request_payload("POST", b"", [(b"content-type", b"application/x-www-form-urlencoded")], sent, None).decode()


@pytest.mark.parametrize(
    "body", [{"reason": "no model"}, {"model": "Not-One"}, {"model": 7.5}, {"model": ["a"]}, {"model": None}, [1], "text", {}]
)
def test_a_post_that_names_no_model_makes_nothing(ours: Sensors, body: Any) -> None:
    delivery = ours.when({"header": {}, "body": body}, source="webhook", at=AT)
    assert delivery.workflows == []
    assert list(delivery.rejected) == ["webhook/event"]
    with pytest.raises(AssertionError, match=r"no Workflow \(rejected: .*webhook/event"):
        _ = delivery.workflow


def test_a_tick_of_a_models_own_schedule_asks_for_that_model(ours: Sensors) -> None:
    made = ours.when({}, source="schedules/flight-delay", at=AT).workflow
    assert (made.name, made.labels["retrain/trigger"]) == (f"retrain-flight-delay-{WINDOW}", "schedule")
    assert decoded(made.parameters["event"])["reason"] == "schedule"


def test_a_tick_in_the_window_of_an_upload_joins_its_run(ours: Sensors) -> None:
    ours.when({"key": "incoming/flight-delay/1.csv"}, source="bucket", at=AT)
    assert ours.when({}, source="schedules", at=AT).refused == [f"retrain-flight-delay-{WINDOW}"]
    assert len(ours.workflows) == 1


def test_a_tick_for_all_models_asks_for_one_workflow_that_looks_at_them(ours: Sensors) -> None:
    made = ours.when({}, source="schedule/heal", at=AT).workflow
    assert (made.name, made.template, made.parameters) == (f"heal-{WINDOW}", "heal", {"window": WINDOW})
    assert made.labels["retrain/trigger"] == "heal"


@pytest.mark.parametrize("event", [{"key": "incoming/fligt-delay/a.csv"}, {"key": "batches/gone/1/_READY"}])
def test_an_upload_for_a_model_that_does_not_exist_starts_nothing(ours: Sensors, event: Any) -> None:
    delivery = ours.when(event, source="bucket", at=AT)
    assert (delivery.workflows, delivery.dropped) == ([], "")
    assert "model" in "".join(delivery.rejected.values())


def test_a_post_for_a_model_that_does_not_exist_starts_nothing(ours: Sensors) -> None:
    assert ours.when({"model": "gone"}, source="webhook", at=AT).workflows == []


@pytest.mark.parametrize(
    "form", [lambda data: data, lambda data: {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": data}]
)
def test_past_states_of_one_window_ask_for_a_run_each(ours: Sensors, form: Any) -> None:
    made = []
    for day in ("01", "08"):
        data = {"model": "flight-delay", "as_of": f"2013-03-{day}T00:00:00Z", "promote": "yes"}
        made.append(ours.when(sent(form(data)), source="webhook", at=AT).workflow)
    assert [w.name for w in made] == [f"retrain-flight-delay-{epoch}-{WINDOW}" for epoch in (1362096000, 1362700800)]
    asked = incoming.read(str(made[0].parameters["event"]))
    assert (asked.model, asked.as_of, asked.promote) == ("flight-delay", "2013-03-01T00:00:00Z", "yes")


@pytest.mark.parametrize("length", [1, 32, 33, 34, 35, 40])
@pytest.mark.parametrize("as_of", ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "2013-03-01T12:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_past_states_run_has_a_name_that_fits_a_label_whatever_its_model_is_called(sensors: Sensors, length: int, as_of: str) -> None:
    models = ["d" * length, "d" * (length - 1) + "e"]
    ours = sensors.given(*(_knowing(each, models) for each in rendered()))
    posted = [ours.when(sent({"model": each, "as_of": as_of}), source="webhook", at=AT) for each in (*models, models[0])]
    names = [each.workflow.name for each in posted[:2]]
    assert names == [f"{named(each, as_of)}{WINDOW}" for each in models]
    assert max(map(len, names)) <= 63
    assert posted[2].refused == names[:1], "the same event again asks for the same run"
    assert [each.workflow.parameters["model"] for each in posted[:2]] == models


def _knowing(document: Document, models: list[str]) -> Document:
    """The document with other names of models in its filters."""
    return replace(document, doc=json.loads(json.dumps(document.doc).replace("arrival-minutes|flight-delay", "|".join(models))))


@pytest.mark.parametrize("as_of", ["yesterday", "{{workflow.name}}", 5, "2013-02-31T00:00:00Z"])
def test_an_instant_that_is_none_makes_a_run_that_says_so(ours: Sensors, as_of: Any) -> None:
    made = ours.when(sent({"model": "flight-delay", "as_of": as_of}), source="webhook", at=AT).workflow
    assert re.fullmatch(r"retrain-flight-delay-[-0-9]+", made.name)
    with pytest.raises(BadData, match="the event's as_of is "):
        incoming.read(str(made.parameters["event"]))
