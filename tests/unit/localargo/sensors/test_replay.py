"""What a Sensor would do with an event, and why not."""

import json
from pathlib import Path
from typing import Any

import pytest

from localargo.errors import InvalidInput
from localargo.manifests.yaml import load_documents
from localargo.ports import Event
from localargo.sensors.replay import replay

CASES = Path(__file__).parents[3] / "conformance" / "events"


def sensors(case: str) -> list[dict[str, Any]]:
    path = CASES / case / "case.yaml"
    return [d.doc for d in load_documents(path.read_text(encoding="utf-8"), case) if d.kind == "Sensor"]


def event(source: str, body: Any, subject: str = "hook") -> Event:
    data = json.dumps({"header": {}, "body": body}).encode()
    return Event("ab" * 16, source, subject, "webhook", "2026-11-22T10:00:00Z", data)


UPLOAD = {
    "notification": [{"eventTime": "2026-11-22T10:00:05.123Z", "s3": {"object": {"key": "incoming/flight-delay/a.csv", "eTag": "abc"}}}]
}


def test_everything_that_was_decided_is_told() -> None:
    told = replay(event("e21", UPLOAD), sensors("retrain-sensor"), now=5.0, origin="as it is")
    assert told.fires
    assert told.event["data"]["body"] == UPLOAD
    (dependency,) = told.dependencies
    assert (dependency.accepted, dependency.transformed, dependency.data["model"], dependency.data["window"]) == (
        True,
        True,
        "flight-delay",
        29922360,
    )
    (trigger,) = told.triggers
    assert (trigger.kind, trigger.operation, trigger.by, trigger.fires, trigger.reason) == ("k8s", "create", "upload", True, "")
    assert [(p.dest, p.value) for p in trigger.parameters][:2] == [
        ("metadata.name", "flight-delay-29922360"),
        ('spec.arguments.parameters.#(name=="model").value', "flight-delay"),
    ]
    assert trigger.resource is not None
    assert trigger.resource["metadata"]["name"] == "retrain-flight-delay-29922360"
    assert trigger.resource["metadata"]["labels"]["events.argoproj.io/action-timestamp"] == "5000"
    assert json.loads(json.dumps(told.tree()))["triggers"][0]["resource"] == trigger.resource


def test_a_filter_that_rejects_says_why() -> None:
    other = {"notification": [{"eventTime": "2026-11-22T10:00:05Z", "s3": {"object": {"key": "other/x/a.csv", "eTag": "abc"}}}]}
    told = replay(event("e21", other), sensors("retrain-sensor"), now=5.0)
    assert not told.fires
    assert "data: key is 'other/x/a.csv'" in told.dependencies[0].reason
    assert told.dependencies[0].data["key"] == "other/x/a.csv"
    assert told.triggers[0].reason == "none of its dependencies (upload) accepted the event"


def test_a_transform_that_fails_says_why() -> None:
    told = replay(event("e21", {}), sensors("retrain-sensor"), now=5.0)
    assert told.dependencies[0].reason.startswith("transform.jq")
    assert told.dependencies[0].data is None


def test_a_dependency_of_another_source_says_so() -> None:
    told = replay(event("elsewhere", {}), sensors("retrain-sensor"), now=5.0)
    assert told.dependencies[0].reason == "it listens to e21/hook; the event comes from elsewhere/hook"


def test_conditions_that_wait_say_for_whom() -> None:
    documents = sensors("conditions")
    told = replay(event("e09", {"id": "a1"}, "a"), documents, now=5.0)
    by_name = {t.trigger: t for t in told.triggers}
    assert (by_name["e09-and"].fires, by_name["e09-and"].waits_for) == (False, ("db",))
    assert by_name["e09-or"].fires
    assert [p.skipped for p in by_name["e09-or"].parameters] == [False, True]
    both = replay(event("e09", {"id": "a1"}, "a"), documents, now=5.0, waiting={"db": event("e09", {"id": "b1"}, "b")})
    fired = {t.trigger: t.resource for t in both.triggers if t.fires}
    assert fired["e09-and"] is not None
    assert [p["value"] for p in fired["e09-and"]["spec"]["arguments"]["parameters"]] == ["a1", "b1"]


def test_a_parameter_that_fails_does_not_hide_the_others() -> None:
    told = replay(event("e01", {"s": "x"}), sensors("parameter-types"), now=5.0)
    (trigger,) = told.triggers
    assert (trigger.fires, trigger.resource) == (False, None)
    assert "body.i" in trigger.reason
    assert (trigger.parameters[0].value, trigger.parameters[0].error) == ("x", "")
    assert "body.i" in trigger.parameters[1].error
    assert trigger.parameters[13].value == "fallback"


def test_a_trigger_that_never_runs_says_why() -> None:
    told = replay(event("e20", {}), sensors("reserved-dependency-name"), now=5.0)
    by_name = {t.trigger: t for t in told.triggers}
    assert "never runs" in by_name["e20-bad"].reason
    assert by_name["e20-good"].fires


def test_a_dropped_event_reaches_nobody() -> None:
    told = replay(event("e21", UPLOAD), sensors("retrain-sensor"), now=5.0, dropped="filter.expression is not true")
    assert (told.dropped, told.dependencies, told.triggers) == ("filter.expression is not true", (), ())


def test_one_sensor_may_be_asked() -> None:
    documents = sensors("retrain-sensor") + sensors("conditions")
    assert {t.sensor for t in replay(event("e09", {}, "a"), documents, now=5.0, sensor="e09").triggers} == {"e09"}
    with pytest.raises(InvalidInput, match="e21, e09"):
        replay(event("e09", {}), documents, now=5.0, sensor="nope")


def test_a_request_shows_its_payload() -> None:
    source = {"dependencyName": "d", "dataKey": "body.id"}
    http = {"url": "http://127.0.0.1/x", "payload": [{"src": source, "dest": "id"}, {"src": {**source, "dataKey": "body"}, "dest": "all"}]}
    document = {
        "kind": "Sensor",
        "metadata": {"name": "s"},
        "spec": {
            "dependencies": [{"name": "d", "eventSourceName": "e", "eventName": "hook"}],
            "triggers": [{"template": {"name": "t", "http": http}}],
        },
    }
    (trigger,) = replay(event("e", {"id": 7}), [document], now=5.0).triggers
    assert trigger.resource == {"id": "7", "all": '{"id": 7}'}
    assert [p.level for p in trigger.parameters] == ["payload", "payload"]


@pytest.mark.parametrize(
    "data", [b"[1]", b'"x"', b'{"body":{"s":1e999,"n":' + b"9" * 5000 + b"}}", b'{"body":' + b"[" * 200 + b"]" * 200 + b"}"]
)
def test_no_event_breaks_it(data: bytes) -> None:
    strange = Event("ab" * 16, "e01", "hook", "webhook", "2026-11-22T10:00:00Z", data)
    told = replay(strange, sensors("parameter-types") + sensors("filter-mix"), now=5.0)
    assert json.loads(json.dumps(told.tree(), allow_nan=False))["event"]["id"] == "ab" * 16
