"""Events from what a person has in hand, and the samples."""

import json
from typing import Any

import pytest

from localargo.errors import InvalidInput, NotFound
from localargo.eventsources.event_from_input import event_from_input
from localargo.eventsources.samples import sample
from localargo.expressions import ExpressionError
from localargo.manifests import schema
from localargo.manifests.source_kinds.kind import SPEC_FIELDS, declared_events
from localargo.manifests.source_kinds.registry import KINDS

NOW = 1_760_000_000.5


def document(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "kind": "EventSource",
        "metadata": {"name": name},
        "spec": {"eventBusName": "default", "template": {"serviceAccountName": "x"}, **spec},
    }


HOOK = document(
    "hook", webhook={"call": {"port": "1", "endpoint": "/x", "metadata": {"b": "2", "a": "1"}, "filter": {"expression": "body.n > 5"}}}
)
CLOCK = document("clock", calendar={"nightly": {"schedule": "0 2 * * *", "timezone": "Europe/Warsaw", "metadata": {"model": "m"}}})
BUCKET = document("bucket", minio={"upload": {"bucket": {"name": "data"}, "filter": {"prefix": "incoming/"}}})
QUEUE = document("queue", sqs={"landed": {"queue": "q", "jsonBody": True}})
ALL = [HOOK, CLOCK, BUCKET, QUEUE, {"kind": "Sensor", "metadata": {"name": "s"}, "spec": {}}]


def formed(given: Any, source: str = "", documents: list[dict[str, Any]] | None = None) -> tuple[str, Any, str, str]:
    made = event_from_input(given if isinstance(given, str) else json.dumps(given), ALL if documents is None else documents, source, NOW)
    return f"{made.event.source}/{made.event.subject}", json.loads(made.event.data), made.origin, made.dropped


def test_every_event_is_declared() -> None:
    assert [
        (e.source, e.event, e.kind) for document in ALL[:-1] for e in declared_events(document["metadata"]["name"], document["spec"])
    ] == [
        ("hook", "call", "webhook"),
        ("clock", "nightly", "calendar"),
        ("bucket", "upload", "minio"),
        ("queue", "landed", "sqs"),
    ]


def test_a_body_becomes_a_post() -> None:
    where, data, origin, dropped = formed({"n": 6}, "hook")
    assert (where, origin, dropped) == ("hook/call", "as the body of a POST", "")
    assert data == {"header": {"Content-Type": ["application/json"]}, "body": {"n": 6}, "metadata": {"a": "1", "b": "2"}}
    assert formed({"n": 6})[0] == "hook/call"


def test_the_sources_filter_is_told() -> None:
    assert formed({"n": 1}, "hook")[3] == "filter.expression 'body.n > 5' is not true"
    assert "fails" in formed({"header": {}, "body": {"n": {}}})[3]


def test_numbers_keep_their_text() -> None:
    made = event_from_input('{"n": 1.0, "big": 12345678901234567890, "e": 1e21}', ALL, "hook/call", NOW)
    assert b'"body":{"n":1.0,"big":12345678901234567890,"e":1e21}' in made.event.data


def test_a_payload_in_the_sources_shape_stays() -> None:
    for given, where in (
        ({"eventTime": "x"}, "clock/nightly"),
        ({"notification": []}, "bucket/upload"),
        ({"header": {}, "body": 7}, "hook/call"),
    ):
        assert formed(given)[:3] == (where, given, "as it is")
    assert formed(json.loads(sample("sqs")))[0] == "queue/landed"


def test_a_tick_of_now() -> None:
    where, data, origin, _ = formed({}, "clock")
    assert (where, origin) == ("clock/nightly", "as a tick of now")
    assert data == {"eventTime": "2025-10-09 10:53:20.5 +0200 CEST", "metadata": {"model": "m"}}


def test_an_upload() -> None:
    data = formed({"key": "incoming/m/a.csv", "etag": "abc", "size": 7}, "bucket")[1]
    assert data["notification"][0]["s3"] | {"object": None} == {
        "s3SchemaVersion": "1.0",
        "configurationId": "Config",
        "bucket": {"name": "data", "ownerIdentity": {"principalId": ""}, "arn": "arn:aws:s3:::data"},
        "object": None,
    }
    assert {k: v for k, v in data["notification"][0]["s3"]["object"].items() if k in ("key", "size", "eTag")} == {
        "key": "incoming/m/a.csv",
        "size": 7,
        "eTag": "abc",
    }
    assert formed('"incoming/m/a.csv"', "bucket")[1]["notification"][0]["s3"]["object"]["key"] == "incoming/m/a.csv"
    records = json.loads(sample("sqs"))["body"]["Records"]
    assert formed({"Records": records})[:2] == ("bucket/upload", {"notification": records})
    with pytest.raises(InvalidInput, match="key"):
        formed([1], "bucket")


def test_a_recorded_event_is_itself() -> None:
    recorded = {
        "id": "ab" * 16,
        "source": "hook",
        "subject": "call",
        "type": "webhook",
        "time": "2026-01-01T00:00:00Z",
        "specversion": "1.0",
    }
    made = event_from_input(json.dumps({**recorded, "data": {"body": {"n": 9}}}), ALL, "", NOW)
    assert {name: getattr(made.event, name) for name in recorded} == recorded
    assert (made.origin, made.dropped) == ("as it was recorded", "")
    elsewhere = event_from_input(json.dumps({**recorded, "source": "gone", "data": {}}), ALL, "", NOW)
    assert "no EventSource here has gone/call" in elsewhere.origin
    moved = event_from_input(json.dumps({**recorded, "data": {"notification": []}}), ALL, "bucket", NOW)
    assert (moved.event.source, moved.event.id == recorded["id"]) == ("bucket", False)


def test_what_could_be_meant_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"hook/call \(webhook\), clock/nightly \(calendar\)"):
        formed({}, "nosuch")
    with pytest.raises(InvalidInput, match="more than one event matches"):
        formed({"x": 1}, "", [HOOK, {**HOOK, "metadata": {"name": "other"}}])
    with pytest.raises(InvalidInput, match="there are no EventSources"):
        formed({}, "", [])
    with pytest.raises(ExpressionError):
        formed("{broken")


def test_there_is_a_sample_of_every_kind() -> None:
    declared = schema.definitions(schema.EVENTS)["EventSourceSpec"]["properties"]
    assert KINDS.keys() == declared.keys() - set(SPEC_FIELDS)
    assert all(isinstance(json.loads(sample(kind)), dict) for kind in KINDS)
    assert json.loads(sample("webhook"))["body"]["model"] == "flight-delay"
    with pytest.raises(NotFound, match="webhook"):
        sample("telepathy")
