from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from localargo.expressions import ExpressionError, UnsupportedExpression
from localargo.expressions.gotemplate import check, render

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


@pytest.mark.parametrize("name", ["now", "ago", "getHostByName", "genPrivateKey", "randAlpha", "uuidv4"])
def test_functions_of_more_than_their_arguments_are_refused_by_name(name: str) -> None:
    with pytest.raises(UnsupportedExpression, match=f'function "{name}" is not supported'):
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
        "{{ regexReplaceAll `a` (repeat 50000 `a`) `x` }}",
    ],
    ids=lambda template: template[:40],
)
def test_hostile_templates_end_with_an_error(template: str) -> None:
    with pytest.raises(ExpressionError):
        render(template, {})


def test_a_hostile_pattern_cannot_hang() -> None:
    assert render("{{ regexMatch `(a+)+$` .Input }}", {"Input": "a" * 50_000 + "!"}) == "false"
    assert render("{{ regexReplaceAll `(a+)+$` .Input `x` }}", {"Input": "a" * 50_000}) == "x"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ $x }}", 'undefined variable "\\$x"'),
        ("{{ .a := 1 }}", "unexpected|expected"),
        ('{{ template "nope" }}', 'template "nope" not defined'),
        ("{{ template 5 }}", 'unexpected "5"'),
        ('{{ define "a" }}', "unexpected EOF"),
        ('{{ define "a" }}{{ else }}{{ end }}', "unexpected {{else}}"),
        ("{{ if true }}{{ else }}{{ else }}{{ end }}", "expected end"),
        ("{{ if true }}{{ else nope }}{{ end }}", 'unexpected "nope" in else'),
        ("{{ range $a, $b, $c := .x }}{{ end }}", "too many declarations"),
        ("{{ break }}", "outside"),
        ('{{ "\\q" }}', "invalid syntax"),
        ("{{ 99999999999999999999 }}", "integer overflow"),
        ("{{ 0x }}", "bad number|unexpected|number"),
        ("{{ 1.a }}", "bad number|unexpected"),
        ('{{ "a".b }}', "unexpected . after term"),
        ("{{/* open", "unclosed comment"),
        ("{{ ~ }}", "unexpected '~' in action"),
        ("{{ (1 }}", "unclosed left paren"),
        ("{{ , }}", 'unexpected ","'),
        ("{{ nil }}", "nil is not a command"),
        ("{{ 1 | .x 2 }}", "cannot be invoked as function"),
        ("{{ eq 1 }}", "missing argument"),
        ("{{ lt true false }}", "invalid type for comparison"),
        ("{{ lt 1 }}", "want 2 got 1"),
        ("{{ not 1 2 }}", "want 1 got 2"),
        ("{{ len }}", "want 1 got 0"),
        ("{{ index }}", "at least 1"),
        ('{{ index (list 1) "a" }}', "cannot index slice/array"),
        ('{{ index (dict "a" 1) 1 }}', "should be string"),
        ("{{ index 5 1 }}", "can't index item"),
        ("{{ index .zz 1 }}", "index of nil"),
        ("{{ and }}", "at least 1"),
        ("{{ printf 5 }}", "the format is not a string"),
        ("{{ eq (list 1) 1 }}", "non-comparable"),
        ("{{ lt (list 1) 1 }}", "incompatible types"),
        ('{{ (toDate "2006" "2024").Nope }}', "can't evaluate field Nope"),
    ],
)
def test_errors_are_said(template: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        render(template, {"x": [1]})


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ if true }}a{{ else if false }}b{{ else }}c{{ end }}", "a"),
        ("{{ range $i, $_ := .x }}{{ if eq $i 1 }}{{ break }}{{ end }}{{ $i }}{{ end }}", "0"),
        ("{{ $t := 0 }}{{ range .x }}{{ $t = add $t . }}{{ end }}{{ $t }}", "6"),
        ('{{ index "abc" 1 }}', "98"),
        ("{{ and 1 0 2 }} {{ or 0 3 }} {{ 0 | or 5 }}", "0 3 5"),
        ("{{ print nil }}", "<nil>"),
        ("{{ eq nil nil }}", "true"),
        ("{{ 'a' }} {{ '\\n' }} {{ 017 }} {{ 1_0 }}", "97 10 15 10"),
        ('{{ "\\u00e9\\x41\\t" }}', "éA\t"),
        ('{{ (toDate "2006" "2024").Year }}', "2024"),
        ("{{ with $y := .x }}{{ len $y }}{{ end }}", "3"),
        ("{{ range $x := .none }}a{{ else }}b{{ end }}", "b"),
        ("{{ .big }}", "+Inf"),
        ('{{ js "<a>=\'" }}', "\\u003Ca\\u003E\\u003D\\'"),
    ],
)
def test_more_templates(template: str, expected: str) -> None:
    assert render(template, {"x": [1, 2, 3], "big": 10**400}) == expected


def test_texts_that_are_too_long_are_refused() -> None:
    with pytest.raises(ExpressionError, match="longer than"):
        render("x" * 200_000, {})
