from collections.abc import Callable

import pytest

from localargo.errors import Finding

Lint = Callable[..., list[Finding]]
HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: EventSource\nmetadata: {name: e}\nspec: "
HOOK = 'port: "12000", endpoint: /h, method: POST'
BUCKET = "endpoint: 's3:8333', bucket: {name: b}, accessKey: {name: s, key: a}, secretKey: {name: s, key: b}"


@pytest.mark.parametrize(
    "spec",
    [
        f"{{webhook: {{h: {{{HOOK}, maxPayloadSize: 100, filter: {{expression: body.n > 5}}}}}}}}",
        "{calendar: {t: {schedule: '*/30 2 * * 1-5', timezone: Europe/Warsaw, exclusionDates: ['EXDATE:20260131T000000Z']}}}",
        "{calendar: {t: {interval: 1h30m, metadata: {a: b}}}}",
        f"{{minio: {{u: {{{BUCKET}, events: ['s3:ObjectCreated:*', 's3:ObjectRemoved:Delete'], filter: {{prefix: in/}}}}}}}}",
    ],
)
def test_sound_sources(lint: Lint, spec: str) -> None:
    assert lint(HEAD + spec + "\n") == []


@pytest.mark.parametrize(
    ("spec", "severity", "message"),
    [
        ("{eventBusName: default}", "error", "an EventSource needs at least one source"),
        (
            f"{{webhook: {{h: {{{HOOK}}}}}, calendar: {{t: {{interval: 3s}}}}}}",
            "error",
            "webhook and calendar cannot be in one EventSource",
        ),
        (f"{{calendar: {{h: {{interval: 3s}}}}, minio: {{h: {{{BUCKET}}}}}}}", "error", "event h is declared twice, in calendar too"),
        (f"{{webhook: {{h: {{{HOOK}}}, i: {{{HOOK}}}}}}}", "error", "endpoint /h on port 12000 is already used by event h"),
        ("{webhook: {h: {port: '12000', endpoint: h, method: POST}}}", "error", "endpoint must begin with a slash"),
        ("{webhook: {h: {port: '70000', endpoint: /h, method: POST}}}", "error", "port must be a number from 1 to 65535"),
        ("{webhook: {h: {port: '12000', endpoint: /h}}}", "error", "a webhook needs `method`"),
        ("{webhook: {h: {port: '12000', endpoint: /h, method: PUT}}}", "warning", "every request is answered with 400"),
        (f"{{webhook: {{h: {{{HOOK}, maxPayloadSize: -1}}}}}}", "error", "must not be negative"),
        (f"{{webhook: {{h: {{{HOOK}, filter: {{expression: 'body.n >'}}}}}}}}", "warning", "every event is dropped silently"),
        ("{calendar: {t: {timezone: UTC}}}", "error", "a calendar needs `schedule` or `interval`"),
        ("{calendar: {t: {schedule: '@daily'}}}", "error", "names like @daily are not supported"),
        ("{calendar: {t: {schedule: '* * * * * *'}}}", "error", "it has 6 fields, not five"),
        ("{calendar: {t: {schedule: '61 * * * *'}}}", "error", "cannot be read"),
        ("{calendar: {t: {schedule: '0 2 * * 7'}}}", "error", "weekday '7' is not between 0 and 6"),
        ("{calendar: {t: {schedule: 'TZ=Nowhere 0 2 * * *'}}}", "error", "unknown timezone Nowhere"),
        ("{calendar: {t: {interval: '30'}}}", "error", "interval must be a duration with units"),
        ("{calendar: {t: {schedule: '* * * * *', interval: 3s}}}", "warning", "the schedule is used and the interval is not"),
        ("{calendar: {t: {interval: 3s, timezone: Nowhere}}}", "error", "unknown timezone Nowhere"),
        ("{calendar: {t: {interval: 3s, exclusionDates: ['2026-01-01']}}}", "warning", "2026-01-01 excludes nothing"),
        ("{minio: {u: {endpoint: 's3:8333'}}}", "error", "a minio source needs `accessKey`"),
        ("{minio: {u: {endpoint: 's3:8333'}}}", "error", "a minio source needs `bucket.name`"),
        (f"{{minio: {{u: {{{BUCKET}, events: [ObjectCreated]}}}}}}", "error", "ObjectCreated is not a bucket event"),
        (f"{{minio: {{u: {{{BUCKET}, filter: {{prefix: /in}}}}}}}}", "warning", "keys in a bucket do not begin with a slash"),
        ("{sqs: {q: {queue: a, region: r}}}", "unsupported", "sqs is refused: this source needs a service that is not here"),
    ],
)
def test_sources_that_do_not_do_what_is_meant(lint: Lint, spec: str, severity: str, message: str) -> None:
    found = lint(HEAD + spec + "\n")
    assert any(each.severity == severity and message in each.message for each in found), found


@pytest.mark.parametrize("text", ["* * * * *", "17 2 * * *", "*/5 1-4 1,15 jan mon", "TZ=Europe/Warsaw 0 1 * * *", "CRON_TZ=UTC 0 1 * * *"])
def test_schedules_that_are_read(lint: Lint, text: str) -> None:
    assert lint(f"{HEAD}{{calendar: {{t: {{schedule: '{text}'}}}}}}\n") == []


@pytest.mark.parametrize("kind", ["calendar", "webhook", "minio"])
def test_an_event_that_is_null_is_an_event_without_fields(lint: Lint, kind: str) -> None:
    (found,) = lint(f"apiVersion: argoproj.io/v1alpha1\nkind: EventSource\nmetadata: {{name: s}}\nspec: {{{kind}: {{x: null}}}}\n")
    assert (found.severity, found.path) == ("error", f"EventSource/s spec.{kind}.x")
