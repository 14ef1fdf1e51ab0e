"""Which model and object an event is about, and what became of it, in words."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from retrain.project.events import about, ce_id, decoded, instant, of_workflow, words


def notification(key: Any) -> dict[str, Any]:
    return {"notification": [{"s3": {"object": {"key": key}}}]}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (notification("incoming/late/a/1.csv"), ("late", "incoming/late/a/1.csv", "upload")),
        (notification("batches/late/1/_READY"), ("late", "batches/late/1/_READY", "batch")),
        (notification("elsewhere/1.csv"), ("", "elsewhere/1.csv", "")),
        (notification(7), ("", "", "")),
        ({"body": {"model": "late", "reason": "why not"}}, ("late", "", "why not")),
        ({"body": {"specversion": "1.0", "data": {"model": "late", "key": "k"}}}, ("late", "k", "")),
        ({"body": {"specversion": "1.0", "data": None}}, ("", "", "")),
        ({"eventTime": "t", "metadata": {"model": "late"}}, ("late", "", "")),
        ({"body": "text"}, ("", "", "")),
        ({"body": {"model": ["late"]}}, ("", "", "")),
        ([], ("", "", "")),
        ("text", ("", "", "")),
    ],
)
def test_what_an_event_is_about(data: Any, told: tuple[str, str, str]) -> None:
    found = about({"data": data})
    assert (found["model"], found["key"], found["reason"]) == told


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"body": {"specversion": "1.0", "id": "42", "data": {}}}, "42"),
        ({"body": {"model": "late"}, "header": {"Ce-Id": ["42"], "Ce-Source": ["/shop"]}}, "42"),
        ({"body": {"model": "late"}, "header": {"ce-id": "42"}}, "42"),
        ({"body": {"model": "late", "id": "42"}, "header": {}}, ""),
        ({"body": {"specversion": "1.0", "id": 42}}, ""),
        ({"body": "text", "header": {"Ce-Id": []}}, ""),
        ("text", ""),
    ],
)
def test_the_id_that_a_sender_gave(data: Any, told: str) -> None:
    assert ce_id({"data": data}) == told


@pytest.mark.parametrize(
    ("became", "said"),
    [
        ([], "no Sensor listens to it"),
        ([{"became": "started", "run": "r", "sensor": "s", "reason": ""}], "started r"),
        ([{"became": "joined", "run": "r", "sensor": "s", "reason": "x"}], "joined r, which asks for the same"),
        ([{"became": "dropped", "run": "", "sensor": "s", "reason": "data: no"}], "dropped by sensor s: data: no"),
        ([{"became": "refused", "run": "", "sensor": "s", "reason": "no"}], "refused to sensor s: no"),
        ([{"became": "not read yet", "run": "", "sensor": "s", "reason": ""}], "not read yet (sensor s)"),
        ([{"became": "not read yet, or no Sensor listens to it", "run": "", "sensor": ""}], "not read yet, or no Sensor listens to it"),
    ],
)
def test_what_became_of_it_in_words(became: list[dict[str, str]], said: str) -> None:
    assert words({"became": became}) == said


@pytest.mark.parametrize("given", [b"[]", b"{", b"\xff", b"{}"])
def test_a_workflow_that_no_event_started_tells_none(given: bytes) -> None:
    text = base64.b64encode(given).decode()
    assert decoded(text) == decoded("x") == {}
    parameters = [{"name": "context", "value": text}]
    assert of_workflow({"metadata": {"name": "w"}, "spec": {"arguments": {"parameters": parameters}}}) is None
    assert of_workflow({"metadata": {"name": "w"}}) is None


def test_an_events_time_may_be_none() -> None:
    assert instant("2013-02-01T00:00:00Z") == 1359676800.0
    assert instant("soon") is None
