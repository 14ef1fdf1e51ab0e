from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from retrain.expressions import ExpressionError
from retrain.expressions.gotemplate import check, render

VECTORS = json.loads((Path(__file__).parent / "vectors" / "template.json").read_text(encoding="utf-8"))
DOC = json.loads(VECTORS["doc"])


@pytest.mark.parametrize("row", VECTORS["rows"], ids=lambda row: row["text"])
def test_gives_what_text_template_and_sprig_give(row: dict[str, Any]) -> None:
    if "error" in row:
        with pytest.raises(ExpressionError):
            render(row["text"], {"Input": DOC})
    else:
        assert render(row["text"], {"Input": DOC}) == row["out"]


BODY = {"body": {"name": "champion", "n": 1234567}}
CONTEXT = {"subject": "hook", "source": "e03", "time": "2026-11-24T08:44:57Z"}


@pytest.mark.parametrize(
    ("template", "data", "expected"),
    [
        ("{{ .Input.body.name | upper | trunc 5 }}", BODY, "CHAMP"),
        ("{{ .Input.body.n }}", BODY, "1.234567e+06"),
        ("{{ .Input.body.n | int64 }}", BODY, "1234567"),
        ("{{ .Input.subject }}-{{ .Input.source }}", CONTEXT, "hook-e03"),
        ("{{ .Input.body.name | sha256sum | trunc 8 }}", BODY, "d14a7310"),
        ("{{ .Input.body.nothere }}", BODY, "<no value>"),
        ("{{ div (.Input.body.n | int64) 300 }}", BODY, "4115"),
        ('{{ div ((toDate "2006-01-02T15:04:05Z07:00" .Input.time).Unix) 100000000 }}', CONTEXT, "17"),
        ('{{ (toDate "2006-01-02T15:04:05Z07:00" .Input.time) | date "2006" }}', CONTEXT, "2026"),
        ("{{ b64enc .Input }}", "raw/a.csv", "cmF3L2EuY3N2"),
        ("{{ .Input.model }}-{{ .Input.window | int64 }}", {"model": "delay", "window": 178123456}, "delay-178123456"),
    ],
)
def test_recorded_templates(template: str, data: Any, expected: str) -> None:
    assert render(template, {"Input": data}) == expected


def test_an_event_as_base64_json_comes_back_as_it_was() -> None:
    event = {"model": "m", "key": 'a "b" <c>\n{{x}} żółw', "n": 12}
    assert json.loads(base64.b64decode(render("{{ .Input | toJson | b64enc }}", {"Input": event}))) == event


@pytest.mark.parametrize("name", ["env", "expandenv", "getHostByName", "genPrivateKey", "randAlpha", "uuidv4"])
def test_functions_that_reach_outside_are_not_there(name: str) -> None:
    with pytest.raises(ExpressionError, match=f'function "{name}" not defined'):
        check(f'{{{{ {name} "HOME" }}}}')


def test_nothing_of_python_is_reachable() -> None:
    for field in ("__class__", "keys", "items", "__init__"):
        assert render(f"{{{{ .Input.{field} }}}}", {"Input": {}}) == "<no value>"
        with pytest.raises(ExpressionError, match="can't evaluate field"):
            render(f"{{{{ .Input.{field} }}}}", {"Input": "x"})


def test_errors_have_a_position() -> None:
    with pytest.raises(ExpressionError) as raised:
        render("ab {{ .Input | nope }}", {})
    assert raised.value.position is None or raised.value.position > 0
    with pytest.raises(ExpressionError) as raised:
        render("ab {{ upper 5 }}", {})
    assert raised.value.position == 6


@pytest.mark.parametrize(
    "template",
    [
        "{{ range until 100000 }}{{ range until 100000 }}x{{ end }}{{ end }}",
        "{{ repeat 100000000 `x` }}",
        '{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}',
        "{{ range 1000000000 }}{{ end }}",
        "{{ $x := `xxxxxxxxxx` }}{{ range until 100 }}{{ $x = cat $x $x }}{{ end }}",
        "{{ printf `%999999999d` 1 }}",
        "{{ until 1000000000 }}",
        "{{ indent 1000000 `a` }}",
        "{{ seq 1 1000000000 }}",
        "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
        "{{ if true }}" * 3000,
        "{{ regexReplaceAll `(a+)+$` (repeat 5000 `a`) `x` }}",
    ],
    ids=lambda template: template[:40],
)
def test_hostile_templates_end_with_an_error(template: str) -> None:
    with pytest.raises(ExpressionError):
        render(template, {})


def test_a_hostile_pattern_cannot_hang() -> None:
    assert render("{{ regexMatch `(a+)+$` .Input }}", {"Input": "a" * 50_000 + "!"}) == "false"
