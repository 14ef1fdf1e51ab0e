from collections.abc import Callable

import pytest

from localargo.errors import Finding

Lint = Callable[..., list[Finding]]
SOURCE = """\
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: e}
spec: {%s}
"""
WEBHOOK = SOURCE % 'webhook: {h: {port: "12000", endpoint: /h, method: POST}}'


def dependency(filters: str, extra: str = "") -> str:
    return f"""\
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {{name: s}}
spec:
  dependencies:
  - name: d
    eventSourceName: e
    eventName: h
    filters: {filters}
{extra}  triggers: [{{template: {{name: t, log: {{}}}}}}]
"""


@pytest.mark.parametrize(
    "filters",
    [
        "{data: [{path: body.k, type: string, value: ['^a.*[.]csv$', b]}]}",
        "{data: [{path: body.n, type: number, comparator: '>=', value: ['1e3']}]}",
        "{data: [{path: body.b, type: bool, value: ['true']}]}",
        "{data: [{path: body.k, type: string, template: '{{ b64enc .Input }}', value: [x]}], dataLogicalOperator: or}",
        "{exprs: [{expr: 'k == \"a\" && n > 5', fields: [{name: k, path: body.k}, {name: n, path: body.n}]}]}",
        "{context: {type: webhook, subject: h, source: e}}",
        "{time: {start: '08:00:00', stop: '02:30:00', timezone: Europe/Warsaw}}",
        "{data: [{path: header.X-Github-Event.0, type: string, value: [push]}]}",
    ],
)
def test_sound_filters(lint: Lint, filters: str) -> None:
    assert lint(dependency(filters), WEBHOOK) == []


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ("{data: [{path: '{body.n,body.k}', type: string, value: [a]}]}", "a multipath ('{' at 1) is not supported"),
        ("{data: [{path: 'body.[n,k]', type: string, value: [a]}]}", "a multipath ('[' at 6) is not supported"),
        ("{exprs: [{expr: k == 1, fields: [{name: k, path: '!1'}]}]}", "a literal ('!' at 1) is not supported"),
        ("{data: [{path: body.k, type: string, template: '{{ now }}', value: [x]}]}", 'function "now" is not supported'),
    ],
)
def test_what_argo_has_and_this_engine_has_not_is_refused(lint: Lint, filters: str, message: str) -> None:
    (found,) = lint(dependency(filters), WEBHOOK)
    assert found.severity == "unsupported"
    assert message in found.message


def test_a_path_that_gjson_cannot_read_finds_nothing(lint: Lint) -> None:
    (found,) = lint(dependency("{data: [{path: 'body.#(a==1', type: string, value: [x]}]}"), WEBHOOK)
    assert (found.severity, found.message) == ("warning", "this path finds nothing: path 'body.#(a==1': unclosed query")


@pytest.mark.parametrize(
    ("filters", "message", "hint"),
    [
        ("{data: [{path: body.n, type: number, value: ['^5']}]}", "no event passes: '^5' is not a number", "regular expression"),
        ("{data: [{path: body.b, type: bool, value: ['yes']}]}", "no event passes: 'yes' is neither true nor false", ""),
        ("{data: [{path: body.k, type: string, value: ['(?=a)']}]}", "no event passes: ", "no look-around"),
        ("{data: [{path: body.k, type: string, value: ['[a']}]}", "no event passes: ", ""),
        ("{data: [{path: body.k, type: sting, value: [a]}]}", "no event passes: Argo has no type sting", "did you mean string?"),
        ("{data: [{path: body.k, type: string, comparator: '>', value: [a]}]}", "a string is compared with = and != only", "number"),
        (
            "{data: [{path: body.k, type: string, comparator: '!=', value: [a, b]}]}",
            "!= with several of them is true for nearly every event",
            "",
        ),
        (
            "{data: [{path: bdy.k, type: string, value: [a]}]}",
            "the payload of a webhook event has no `bdy` at its top",
            "did you mean body?",
        ),
        (
            "{data: [{path: header.x-github-event, type: string, value: [a]}]}",
            "`x-github-event` never exists",
            "write header.X-Github-Event",
        ),
        ("{data: [{path: body.k, type: string, template: '{{ nope .Input }}', value: [a]}]}", "this template cannot be used", ""),
        ("{exprs: [{expr: 'k ==', fields: [{name: k, path: body.k}]}]}", "no event passes: ", ""),
        ("{exprs: [{expr: 'j == 1', fields: [{name: k, path: body.k}]}]}", "no event passes: ", ""),
        ("{context: {subject: other}}", "no event passes: subject of this dependency's events is h, not other", ""),
        ("{context: {type: calendar}}", "no event passes: type of this dependency's events is webhook, not calendar", ""),
        ("{context: {id: x}}", "Argo ignores id", "it compares type"),
    ],
)
def test_filters_that_no_event_passes_are_warnings(lint: Lint, filters: str, message: str, hint: str) -> None:
    (found,) = lint(dependency(filters), WEBHOOK)
    assert (found.severity, found.line) == ("warning", 9)
    assert message in found.message
    assert hint in found.hint


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ("{time: {start: '08:00:00', stop: '08:00:00'}}", "start and stop are the same: Argo refuses the Sensor"),
        ("{time: {start: '8', stop: '09:00:00'}}", "start must be written as HH:MM:SS; it is 8"),
        ("{time: {start: '08:00:00', stop: '09:00:00', timezone: Europe/Warsow}}", "unknown timezone Europe/Warsow"),
        ("{dataLogicalOperator: OR}", "dataLogicalOperator is `and` or `or`, not OR"),
        ("{data: [{path: body.k, type: string}]}", "a data filter needs `value`"),
        ("{data: [{path: body.k, type: number, comparator: '=>', value: ['1']}]}", "comparator is one of"),
        ("{exprs: [{expr: 'k == 1'}]}", "an expression filter needs `fields`"),
        ("{exprs: [{expr: 'k == 1', fields: [{name: k}]}]}", "a field needs `path`"),
    ],
)
def test_filters_that_argo_refuses_are_errors(lint: Lint, filters: str, message: str) -> None:
    found = lint(dependency(filters), WEBHOOK)
    assert [each.severity for each in found] == ["error"]
    assert message in found[0].message


def test_a_list_in_a_bucket_event_needs_an_index(lint: Lint) -> None:
    source = SOURCE % ("minio: {h: {endpoint: 's3:8333', bucket: {name: b}, accessKey: {name: s, key: a}, secretKey: {name: s, key: b}}}")
    (found,) = lint(dependency("{data: [{path: notification.s3.object.key, type: string, value: [a]}]}"), source)
    assert found.hint == "write notification.0.s3.object.key"
    assert lint(dependency("{data: [{path: notification.0.s3.object.key, type: string, value: [a]}]}"), source) == []


def test_a_transform_makes_the_payload_unknown(lint: Lint) -> None:
    text = dependency("{data: [{path: key, type: string, value: [a]}]}", "    transform: {jq: '{key: .body.key}'}\n")
    assert lint(text, WEBHOOK) == []
