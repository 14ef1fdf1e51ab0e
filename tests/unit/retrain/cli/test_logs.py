"""`retrain logs`: loops, attempts, and following."""

from __future__ import annotations

import pytest

from tests.unit.retrain.cli.driver import HEAD, Engine, gated, nodes, open_gate

LOOP = """  - name: main
    steps:
    - - {name: each, template: say, withItems: [a, b], arguments: {parameters: [{name: word, value: "{{item}}"}]}}
      - {name: other, template: say, arguments: {parameters: [{name: word, value: alone}]}}
    - - {name: again, template: again}
  - name: say
    inputs: {parameters: [{name: word}]}
    container: {image: alpine, command: [sh, -c], args: ["echo {{inputs.parameters.word}}; echo more"]}
  - name: again
    retryStrategy: {limit: "1"}
    container: {image: alpine, command: [sh, -c], args: ["echo attempt {{retries}}; test {{retries}} = 1"]}
"""


@pytest.fixture(scope="module")
def looped(engine: Engine) -> str:
    return engine.submit(HEAD % "looped" + LOOP, "--wait")


def test_of_a_loop_every_item_is_printed_with_its_name(engine: Engine, looped: str) -> None:
    told = engine.ok("logs", looped, "each").splitlines()
    assert sorted(told) == ["each(0:a): a", "each(0:a): more", "each(1:b): b", "each(1:b): more"]
    assert engine.ok("logs", looped, "each(1:b)") == "b\nmore\n"
    assert engine.ok("logs", looped, "--follow", "other") == "alone\nmore\n"


def test_of_a_node_that_was_retried_every_attempt_is_printed(engine: Engine, looped: str) -> None:
    assert engine.ok("logs", looped, "again").splitlines() == ["again(0): attempt 0", "again(1): attempt 1"]
    assert engine.ok("logs", looped, f"{looped}[1].again(1)") == "attempt 1\n"


def test_following_goes_on_until_the_pod_has_ended(engine: Engine) -> None:
    name = engine.submit(gated("followed"))
    engine.until(name, lambda w: any(n["phase"] == "Running" for n in nodes(w)))
    follower = engine.popen("logs", name, "--follow")
    assert follower.stdout is not None
    assert follower.stdout.readline() == "first\n"
    assert engine.ok("logs", name) == "first\n"
    open_gate(engine.state, "followed")
    rest, complaints = follower.communicate(timeout=120)
    assert (rest, complaints, follower.returncode) == ("last\n", "", 0)
    assert engine.ok("logs", name, "--follow") == "first\nlast\n"


def test_of_a_deleted_workflow_nothing_stays(engine: Engine) -> None:
    name = engine.submit(HEAD % "short" + LOOP, "--wait")
    engine.ok("delete", name)
    gone = engine.call("logs", name)
    assert (gone.exit_code, gone.stdout) == (1, "")
    assert "not found" in gone.stderr
