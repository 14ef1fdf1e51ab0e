from collections.abc import Callable

import pytest

from localargo.errors import Finding, InvalidInput
from localargo.manifests.lint_sensors import condition_names

Lint = Callable[..., list[Finding]]
SOURCE = """\
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: hooks}
spec: {webhook: {upload: {port: "12000", endpoint: /upload, method: POST}}}
"""


def sensor(dependencies: str = "", conditions: str = "", extra: str = "") -> str:
    return f"""\
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {{name: s}}
spec:
  dependencies:
  - {{name: d, eventSourceName: hooks, eventName: upload}}
{dependencies}  triggers:
  - template:
      name: t
      conditions: {conditions or "''"}
      log: {{}}
{extra}"""


@pytest.mark.parametrize(
    ("text", "names"),
    [("a", ["a"]), ("a && b", ["a", "b"]), ("(a||b-c) && d_1", ["a", "b-c", "d_1"]), ("((a))", ["a"])],
)
def test_the_names_in_conditions(text: str, names: list[str]) -> None:
    assert condition_names(text) == names


@pytest.mark.parametrize("text", ["", "a b", "a &&", "&& a", "(a", "a)", "a & b", "()", "!a"])
def test_conditions_that_are_none(text: str) -> None:
    with pytest.raises(InvalidInput):
        condition_names(text)


def test_a_sound_sensor_has_no_findings(lint: Lint) -> None:
    assert lint(sensor(), SOURCE) == []


@pytest.mark.parametrize(
    ("dependencies", "conditions", "message", "hint"),
    [
        (
            "  - {name: and, eventSourceName: hooks, eventName: upload}\n",
            "",
            "a dependency named and never fires its triggers",
            "another name",
        ),
        ("  - {name: e, eventSourceName: hoks, eventName: upload}\n", "", "there is no EventSource hoks", "did you mean hooks?"),
        ("  - {name: e, eventSourceName: hooks, eventName: uplod}\n", "", "EventSource hooks has no event uplod", "did you mean upload?"),
        ("  - {name: e, eventSourceName: hooks, eventName: upload}\n", "d", "no trigger uses dependency e", ""),
        ("", "dd", "the trigger does not start: there is no dependency dd", ""),
        ("", "d &&", "the trigger does not start: `d &&` is incomplete", ""),
        (
            "  - {name: a-b, eventSourceName: hooks, eventName: upload}\n  - {name: a_b, eventSourceName: hooks, eventName: upload}\n",
            "",
            "in conditions a_b and a-b are the same name",
            "rename",
        ),
        (
            "  - {name: e, eventSourceName: hooks, eventName: upload, transform: {script: 'return {'}}\n",
            "",
            "the script cannot be read, so every event is dropped: line:1",
            "",
        ),
        (
            "  - {name: e, eventSourceName: hooks, eventName: upload, transform: {jq: '.a |'}}\n",
            "",
            "jq cannot compile this, so every event is dropped",
            "",
        ),
    ],
)
def test_what_argo_accepts_and_never_acts_on_is_a_warning(lint: Lint, dependencies: str, conditions: str, message: str, hint: str) -> None:
    found = lint(sensor(dependencies, f"'{conditions}'"), SOURCE)
    assert {each.severity for each in found} == {"warning"}
    assert any(message in each.message and hint in each.hint for each in found)


def test_names_are_needed_and_unique(lint: Lint) -> None:
    twice = lint(sensor("  - {name: d, eventSourceName: hooks, eventName: upload}\n"), SOURCE)
    assert [(each.severity, each.message) for each in twice] == [("error", "dependency d is declared twice")]
    (found,) = [each for each in lint(sensor("  - {name: e, eventSourceName: hooks}\n"), SOURCE) if each.severity == "error"]
    assert found.message == "a dependency needs `eventName`"
    text = "apiVersion: argoproj.io/v1alpha1\nkind: Sensor\nmetadata: {name: s}\nspec: {}\n"
    assert [each.message for each in lint(text)] == ["a Sensor needs at least one dependency", "a Sensor needs at least one trigger"]
    same = lint(sensor(extra="  - template: {name: t, log: {}}\n"), SOURCE)
    assert [each.message for each in same] == ["trigger t is declared twice"]


def test_sources_are_looked_for_only_where_some_are_known(lint: Lint) -> None:
    assert lint(sensor()) == []


def test_a_reset_without_and_has_nothing_to_reset(lint: Lint) -> None:
    text = sensor(conditions="d").replace(
        "      log", "      conditionsReset: [{byTime: {cron: '0 0 * * *', timezone: Mars/Base}}]\n      log"
    )
    warning, error = lint(text, SOURCE)
    assert "nothing is remembered" in warning.message
    assert (error.severity, error.message) == ("error", "unknown timezone Mars/Base")
