"""Parameters: values from events, written where they belong."""

import base64
import json
from typing import Any

import pytest

from localargo.errors import InvalidInput
from localargo.ports import Event
from localargo.sensors.parameters import AcceptedEvent, apply

DATA = (
    '{"body":{"s":"plain","i":42,"big":12345678901234567,"fi":1.0,"exp":1e21,"t":true,"nul":null,"o":{"k":"v","n":1.50},'
    '"a":[1,"two",3.0],"empty":"","huge":1e999,"n":1234567},"header":{"X-A":["1"]}}'
)
EVENT = Event("ab" * 16, "source", "name", "webhook", "2026-11-22T10:00:00Z", DATA.encode())
EVENTS = {"d": AcceptedEvent(EVENT, DATA.encode())}


def value(**source: Any) -> Any:
    resource, _ = apply([{"src": {"dependencyName": "d", **source}, "dest": "v"}], {"v": "unset"}, EVENTS)
    return resource["v"]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ({"dataKey": "body.s"}, "plain"),
        ({"dataKey": "body.i"}, "42"),
        ({"dataKey": "body.big"}, "12345678901234567"),
        ({"dataKey": "body.fi"}, "1"),
        ({"dataKey": "body.exp"}, "1000000000000000000000"),
        ({"dataKey": "body.t"}, "true"),
        ({"dataKey": "body.nul"}, "null"),
        ({"dataKey": "body.o"}, '{"k":"v","n":1.50}'),
        ({"dataKey": "body.a"}, '[1,"two",3.0]'),
        ({"dataKey": "body.a.1"}, "two"),
        ({"dataKey": "body.a.#"}, "3"),
        ({"dataKey": "body.empty"}, ""),
        ({"dataKey": "body.missing", "value": "fallback"}, "fallback"),
        ({"dataKey": "body.s", "value": "fallback"}, "plain"),
        ({"contextKey": "subject"}, "name"),
        ({"contextKey": "id"}, "ab" * 16),
        ({"contextKey": "subject", "dataKey": "body.s"}, "plain"),
        ({"contextTemplate": "{{ .Input.source }}-{{ .Input.type }}"}, "source-webhook"),
        ({"dataTemplate": "{{ .Input.body.n }}"}, "1.234567e+06"),
        ({"dataTemplate": "{{ .Input.body.n | int64 }}"}, "1234567"),
        ({"dataTemplate": "{{ .Input.body.absent }}", "value": "dflt"}, "dflt"),
        ({"dataTemplate": "{{ .Input.body.absent }}", "dataKey": "body.s"}, "plain"),
        ({"dataTemplate": "{{ nosuch }}", "dataKey": "body.s"}, "plain"),
        ({"dataTemplate": "", "dataKey": "body.s"}, "plain"),
        ({"dataTemplate": "{{ .Input.body.s }}", "dataKey": "body.i"}, "plain"),
        ({"value": "constant"}, "constant"),
        ({"value": ""}, ""),
    ],
)
def test_every_value_becomes_text(source: dict[str, Any], text: str) -> None:
    assert value(**source) == text


def test_the_whole_event_is_what_remains() -> None:
    whole = json.loads(value())
    assert whole["context"]["id"] == EVENT.id
    assert base64.b64decode(whole["data"]).decode() == DATA


@pytest.mark.parametrize(
    ("key", "raw"),
    [
        ("body.i", 42),
        ("body.t", True),
        ("body.nul", None),
        ("body.a", [1, "two", 3.0]),
        ("body.o", {"k": "v", "n": 1.5}),
        ("body.s", "plain"),
    ],
)
def test_raw_data_keeps_its_type(key: str, raw: Any) -> None:
    assert value(dataKey=key, useRawData=True) == raw


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"dataKey": "body.missing"}, "body.missing"),
        ({"dataTemplate": "{{ .Input.body.absent }}"}, "gives no value"),
        ({"dataTemplate": "{{ nosuch }}"}, "nosuch"),
        ({"contextKey": "data"}, "does not exist"),
        ({"dataKey": "body.huge", "useRawData": True}, "unsupported value"),
    ],
)
def test_a_value_that_is_not_there_fails_the_trigger_and_names_its_place(source: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=rf"parameter to v: .*{words}"):
        value(**source)


def written(resource: dict[str, Any], *parameters: dict[str, Any]) -> dict[str, Any]:
    return apply(list(parameters), resource, EVENTS)[0]


def to(dest: str, operation: str = "", **source: Any) -> dict[str, Any]:
    return {"src": {"dependencyName": "d", **source}, "dest": dest, **({"operation": operation} if operation else {})}


def test_a_dependency_without_an_event_is_skipped_or_has_its_default() -> None:
    skipped = {"src": {"dependencyName": "other", "dataKey": "a"}, "dest": "v"}
    resource, told = apply([skipped], {"v": "unset"}, EVENTS)
    assert (resource, told[0].skipped) == ({"v": "unset"}, True)
    assert written({"v": "unset"}, {"src": {"dependencyName": "other", "value": "dflt"}, "dest": "v"}) == {"v": "dflt"}


def test_texts_are_joined() -> None:
    resource = {"metadata": {"name": "retrain-"}, "n": 5}
    assert written(resource, to("metadata.name", "append", dataKey="body.s"))["metadata"]["name"] == "retrain-plain"
    assert written(resource, to("metadata.name", "prepend", dataKey="body.s"))["metadata"]["name"] == "plainretrain-"
    assert written(resource, to("n", "append", dataKey="body.a", useRawData=True))["n"] == '5[1,"two",3.0]'
    assert written(resource, to("new", "append", dataKey="body.s"))["new"] == "plain"
    assert written(resource, to("new", "append", dataKey="body.i", useRawData=True))["new"] == 42
    with pytest.raises(InvalidInput, match="unsupported trigger parameter operation"):
        written(resource, to("n", "replace", dataKey="body.s"))


def test_places_are_sjsons() -> None:
    resource = {"spec": {"arguments": {"parameters": [{"name": "x", "value": "a"}, {"name": "model", "value": "b"}]}}}
    parameters = "spec.arguments.parameters"
    assert written(resource, to(f"{parameters}.0.value", dataKey="body.s"))["spec"]["arguments"]["parameters"][0]["value"] == "plain"
    assert written(resource, to(f'{parameters}.#(name=="model").value', dataKey="body.s"))["spec"]["arguments"]["parameters"][1] == {
        "name": "model",
        "value": "plain",
    }
    assert written(resource, to(f"{parameters}.-1", dataKey="body.o", useRawData=True))["spec"]["arguments"]["parameters"][2] == {
        "k": "v",
        "n": 1.5,
    }
    assert written({}, to(r"metadata.labels.example\.com/model", dataKey="body.s")) == {
        "metadata": {"labels": {"example.com/model": "plain"}}
    }
    assert written({}, to("a.:1", dataKey="body.s")) == {"a": {"1": "plain"}}
    with pytest.raises(InvalidInput, match="parameter to"):
        written(resource, to(f"{parameters}.99999999.value", dataKey="body.s"))
    with pytest.raises(InvalidInput, match="parameter to"):
        written(resource, to("", dataKey="body.s"))


def test_nothing_given_is_changed() -> None:
    resource = {"a": {"b": "c"}}
    written(resource, to("a.b", dataKey="body.s"))
    assert resource == {"a": {"b": "c"}}


def test_a_value_is_never_expanded() -> None:
    data = b'{"v":"{{ .Input.other }}","other":"secret"}'
    events = {"d": AcceptedEvent(EVENT, data)}
    resource, _ = apply([to("x", dataKey="v"), to("y", dataTemplate="{{ .Input.v }}")], {}, events)
    assert resource == {"x": "{{ .Input.other }}", "y": "{{ .Input.other }}"}
