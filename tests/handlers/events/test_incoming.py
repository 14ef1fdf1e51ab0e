"""The event that asks for a run: plain, or a CloudEvent in either mode, as the webhook's Sensor passes it on."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.contracts import BadData, EventContext, RetrainRequest
from handlers.events import incoming


def encoded(value: Any) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


CE = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
EVENT = {"model": "flight-delay", "key": "incoming/flight-delay/a.csv", "etag": "e", "time": "t", "source": "bucket", "window": 3}


def test_an_event_is_read() -> None:
    found = incoming.read(encoded(EVENT))
    assert (found.model, found.key, found.source, found.reason) == ("flight-delay", "incoming/flight-delay/a.csv", "bucket", "")


@pytest.mark.parametrize("data", [{"data": EVENT}, {"data_base64": encoded(EVENT)}], ids=["data", "data_base64"])
def test_a_cloud_event_carries_it(data: dict[str, Any]) -> None:
    found = incoming.read(encoded({"specversion": "1.0", "id": "1", "source": "/s", "type": "t", **data}))
    assert found == replace(incoming.read(encoded(EVENT)), id="1", sender="/s", type="t")


def test_the_context_of_an_event_says_which_it_was() -> None:
    context = {"id": "3f0c", "source": "bucket", "type": "minio", "subject": "upload", "time": "t", "specversion": "1.0"}
    assert incoming.context(encoded(context)) == EventContext("3f0c", "bucket", "minio", "upload", "t")
    assert incoming.context("") == EventContext()
    wrong = {encoded([]): "context must be a JSON object", encoded({"id": 7}): "context's id must be text", "x": "not base64"}
    for text, said in wrong.items():
        with pytest.raises(BadData, match=said):
            incoming.context(text)


def test_no_event_is_an_empty_request() -> None:
    assert incoming.read(" ") == RetrainRequest()


@pytest.mark.parametrize("key", ["incoming/x/{{workflow.name}}", "incoming/x/$(rm -rf ~)", "../../etc/passwd", "a\n'; drop", "🛫"])
def test_a_hostile_key_stays_text(key: str) -> None:
    assert incoming.read(encoded({**EVENT, "key": key})).key == key


def test_half_a_character_can_be_written() -> None:
    found = incoming.read(base64.b64encode(b'{"key": "a\\ud800b", "reason": "\\ud83d\\ude00"}').decode())
    assert (found.key, found.reason) == ("a\ufffdb", "😀")


@pytest.mark.parametrize(
    "text",
    [
        encoded({**CE, "data_base64": base64.b64encode(b"[" * 100_000).decode()}),
        "not base64",
        base64.b64encode(b"\xff\xfe").decode(),
        base64.b64encode(b"{").decode(),
        encoded([1]),
        encoded("text"),
        encoded({"model": 7}),
        encoded({"key": ["a"]}),
        encoded({"model": "../x"}),
        encoded({"model": "A"}),
        encoded({**CE, "data": "text"}),
        encoded({**CE, "data_base64": "%"}),
        base64.b64encode(b"[" * 100_000).decode(),
    ],
)
def test_what_is_no_event_is_bad_data(text: str) -> None:
    with pytest.raises(BadData):
        incoming.read(text)


def test_attributes_of_a_structured_event_name_the_request() -> None:
    found = incoming.read(encoded({**EVENT, "time": "", "cloudevent": {**CE, "time": "2026-01-02T03:04:05Z"}}))
    assert (found.id, found.sender, found.type, found.source) == ("1", "/s", "t", "bucket")
    assert found.time == "2026-01-02T03:04:05+00:00"


def test_headers_of_a_binary_event_name_the_request() -> None:
    headers = {"ce-specversion": "1.0", "ce-id": "caf%C3%A9%201", "ce-source": "/s", "ce-type": "t", "ce-time": "2026-01-02T03:04:05Z"}
    found = incoming.read(encoded({**EVENT, "headers": headers}))
    assert (found.id, found.sender, found.type, found.time) == ("café 1", "/s", "t", "t")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"id": None}, "has no id"),
        ({"id": ""}, "has no id"),
        ({"id": 7}, "'id' is refused"),
        ({"id": "x" * 1001}, "id is 1,001 characters long"),
        ({"source": None}, "has no source"),
        ({"type": None}, "has no type"),
        ({"specversion": None}, "has no specversion"),
        ({"specversion": "0.3"}, "'specversion' is refused"),
        ({"time": "2026-01-02T03:04:05"}, "timezone aware"),
        ({"time": "yesterday"}, "cannot be read"),
        ({"time": 5}, "cannot be read"),
        ({"Big": "x"}, "'Big' is refused"),
    ],
)
def test_an_incomplete_cloudevent_is_refused_with_what_is_wrong(changes: dict[str, Any], why: str) -> None:
    event = {name: value for name, value in {**CE, **changes}.items() if value is not None}
    with pytest.raises(BadData, match=why):
        incoming.read(encoded({**EVENT, "cloudevent": event}))
    if all(isinstance(value, str) for value in event.values()) and "Big" not in event:
        with pytest.raises(BadData, match=why):
            incoming.read(encoded({**EVENT, "headers": {f"ce-{name}": value for name, value in event.items()}}))


@pytest.mark.parametrize("event", [[CE], "text", 7])
def test_a_batch_is_refused(event: Any) -> None:
    with pytest.raises(BadData, match="a batch is not taken"):
        incoming.read(encoded({**EVENT, "cloudevent": event}))


@pytest.mark.parametrize("headers", [[], {"ce-id": 7}, {"ce-id": ["1"]}, "ce-id"])
def test_headers_that_are_not_text_are_refused(headers: Any) -> None:
    with pytest.raises(BadData):
        incoming.read(encoded({**EVENT, "headers": headers}))


TEXT = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=40)


@settings(max_examples=40, deadline=None)
@given(TEXT, TEXT, TEXT)
def test_both_modes_and_the_whole_event_say_the_same(id_: str, source: str, type_: str) -> None:
    event = CloudEvent({"specversion": "1.0", "id": id_, "source": source, "type": type_}, {"model": "late"})
    whole = json.loads(to_structured_event(event).body)
    headers = {name: value for name, value in to_binary_event(event).headers.items() if name.startswith("ce-")}
    attributes = {name: value for name, value in whole.items() if name != "data"}
    found = [
        incoming.read(encoded(each)) for each in (whole, {"model": "late", "cloudevent": attributes}, {"model": "late", "headers": headers})
    ]
    assert {replace(each, time="") for each in found} == {RetrainRequest(model="late", id=id_, sender=source, type=type_)}


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda of: st.lists(of) | st.dictionaries(st.text(), of), max_leaves=8
    )
)
def test_whatever_comes_is_a_request_or_bad_data(value: Any) -> None:
    for event in (value, {"cloudevent": value}, {"headers": value}, {**CE, "data": value}):
        with suppress(BadData):
            assert isinstance(incoming.read(encoded(event)), RetrainRequest)
