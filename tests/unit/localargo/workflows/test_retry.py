"""retryStrategy: attempts, backoff, policies, the last word."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from localargo.ports import ContainerExit, PodExit, PodSpec
from localargo.workflows.messages import PodExited
from localargo.workflows.retry import humanized

Tell = Callable[..., Any]


def text(strategy: str, command: str = '[exit, "5"]') -> str:
    return f"""
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: w}}
spec: {{entrypoint: main, templates: [{{name: main, retryStrategy: {{{strategy}}}, container: {{image: i, command: {command}}}}}]}}
"""


@pytest.mark.parametrize(
    ("strategy", "attempts", "message"),
    [
        ('limit: "2"', 3, "No more retries left"),
        ('limit: "0"', 1, "No more retries left"),
        ("limit: 2, retryPolicy: OnError", 1, "main: Error (exit code 5)"),
        (
            'limit: "9", expression: "asInt(lastRetry.exitCode) == 5 && asInt(retries) < 1"',
            2,
            "retryStrategy.expression evaluated to false",
        ),
        ('limit: "9", expression: "lastRetry.status == \'Error\'"', 1, "retryStrategy.expression evaluated to false"),
    ],
)
def test_when_it_stops_and_what_it_says(tell: Tell, strategy: str, attempts: int, message: str) -> None:
    told = tell(text(strategy))
    shown = told.play()["status"]
    assert (shown["phase"], shown["message"], len(told.pods)) == ("Failed", message, attempts)
    assert told.nodes()[""]["outputs"] == {"exitCode": "5"}
    assert told.nodes()["(0)"]["nodeFlag"] == {"retried": True}


def test_attempts_know_the_one_before(tell: Tell) -> None:
    told = tell(
        text(
            'limit: "5"',
            '[exit, "{{=asInt(retries) == 2 ? 0 : 7}}", "{{retries}} {{lastRetry.exitCode}} {{lastRetry.status}} {{node.name}}"]',
        )
    )
    assert told.play()["status"]["phase"] == "Succeeded"
    assert [p.containers[0].command[2] for p in told.pods] == ["0 0  w", "1 7 Failed w", "2 7 Failed w"]


def test_backoff_waits_longer_each_time(tell: Tell) -> None:
    told = tell(text('limit: "2", backoff: {duration: "10s", factor: 2}'))
    told.play()
    begun = told.now
    assert told.nodes()[""]["message"] == "Backoff for 10 seconds"
    told.wait()
    assert told.now - begun == pytest.approx(10, abs=0.1)
    assert told.nodes()[""]["message"] == "Backoff for 20 seconds"
    told.wait()
    assert told.run.head["message"] == "No more retries left"


def test_backoff_that_would_take_too_long_ends_it(tell: Tell) -> None:
    told = tell(text('limit: "9", backoff: {duration: "10s", factor: 2, maxDuration: "15s"}'))
    told.play()
    told.wait()
    assert told.run.head["message"] == "Backoff would exceed max duration limit"
    assert len(told.pods) == 2


def test_backoff_without_a_duration_is_an_error(tell: Tell) -> None:
    told = tell(text('limit: "1", backoff: {factor: 2}'))
    shown = told.play()["status"]
    assert (shown["phase"], told.nodes()[""]["message"]) == ("Error", "no base duration specified for retryStrategy")


def test_steps_are_tried_again_as_a_whole(tell: Tell) -> None:
    def end(pod: PodSpec) -> tuple[int, Mapping[str, str]]:
        return (0 if "(1)" in told.run.nodes[pod.node_id]["name"] else 1), {}

    told = tell(
        """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - {name: main, retryStrategy: {limit: "1"}, steps: [[{name: a, template: leaf}]]}
  - {name: leaf, container: {image: i, command: [x]}}
""",
        end,
    )
    assert told.play()["status"]["phase"] == "Succeeded"
    assert {k: v for k, v in told.phases().items() if k.endswith("a")} == {"(0)[0].a": "Failed", "(1)[0].a": "Succeeded"}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (60, "1 minute 0 seconds"),
        (121, "2 minutes 1 seconds"),
        (3600, "1 hour 0 minutes"),
        (90061, "1 day 1 hours"),
    ],
)
def test_times_in_words(seconds: float, words: str) -> None:
    assert humanized(seconds) == words


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        ("limit: two", "value 'two' cannot be resolved to an int"),
        ("limit: 2, backoff: {duration: 1s, factor: x}", "value 'x' cannot be resolved to an int"),
        ("limit: 2, backoff: {factor: 2}", "no base duration specified for retryStrategy"),
    ],
)
def test_a_strategy_that_cannot_be_read_shows_when_it_is_needed(tell: Tell, strategy: str, message: str) -> None:
    told = tell(text(strategy))
    shown = told.play()["status"]
    assert (shown["phase"], shown["message"]) == ("Error", f"error in entry template execution: {message}")
    assert "outputs" not in told.nodes()[""]
    assert told.phases()["(0)"] == "Failed"


@pytest.mark.parametrize(("words", "attempts"), [("dial: i/o timeout", 2), ("no such thing", 1)])
def test_errors_that_pass_by_are_known_by_their_words(tell: Tell, words: str, attempts: int) -> None:
    told = tell(text("limit: 1, retryPolicy: OnTransientError"))
    told.hold = {"w(0)", "w(1)"}
    told.play()
    while told.held:
        node, pod = told.held.popitem()
        ends = [ContainerExit("main", 5, "Error", told.now, told.now, words)]
        told.facts.append(PodExited(node, PodExit(pod.name, node, pod.workflow, told.now, told.now, ends)))
        told.play()
    assert len(told.pods) == attempts
    assert told.nodes()["(0)"]["message"] == f"main: Error (exit code 5): {words}"
