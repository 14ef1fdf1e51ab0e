import pytest

from tests.unit.retrain.cli.driver import HEAD, Engine, nodes

EXITS = HEAD % "exits" + (
    "  - {name: main, suspend: {}}\n  - name: bye\n    container: {image: alpine, command: [sh, -c], args: ['echo bye']}\n"
)


def exits() -> str:
    return EXITS.replace("  entrypoint: main\n", "  entrypoint: main\n  onExit: bye\n")


def suspended(engine: Engine) -> str:
    name = engine.submit(exits())
    engine.until(name, lambda w: any(n["type"] == "Suspend" and n["phase"] == "Running" for n in nodes(w)))
    return name


def test_terminate_runs_no_exit_handler(engine: Engine) -> None:
    name = suspended(engine)
    assert engine.ok("terminate", name) == f"workflow {name} terminated\n"
    assert engine.call("wait", name).exit_code == 1
    assert not any(n["type"] == "Pod" for n in nodes(engine.json("get", name)))


def test_suspend_and_resume(engine: Engine) -> None:
    name = suspended(engine)
    assert engine.ok("suspend", name) == f"workflow {name} suspended\n"
    assert engine.json("get", name)["spec"]["suspend"] is True
    refused = engine.call("resume", name, "--node-field-selector", "displayName=nobody")
    assert refused.exit_code == 2
    assert "no suspend nodes matching nodeFieldSelector: displayName=nobody" in refused.output
    assert engine.ok("resume", name) == f"workflow {name} resumed\n"
    assert engine.ok("wait", name) == f"{name} Succeeded\n"


def test_node_set_supplies_an_output_and_ends_the_node(engine: Engine) -> None:
    name = engine.waiting()
    selector = ("--node-field-selector", "displayName=approve")
    assert engine.ok("node", "set", name, *selector, "--output-parameter", "word=a=b") == f"workflow {name} changed\n"
    engine.ok("node", "set", name, *selector, "--phase", "Succeeded", "--message", "fine")
    engine.ok("wait", name)
    assert engine.ok("logs", name) == "word a=b\n"
    (approve,) = [n for n in nodes(engine.json("get", name)) if n.get("displayName") == "approve"]
    assert "fine" in approve["message"]


def test_node_set_can_fail_a_node(engine: Engine) -> None:
    name = engine.waiting()
    engine.ok("node", "set", name, "--node-field-selector", "displayName=approve", "--phase", "Failed")
    assert engine.call("wait", name).exit_code == 1


@pytest.mark.parametrize(
    "more", [[], ["--node-field-selector", "displayName=a", "--phase", "Odd"], ["--node-field-selector", "a=b", "--output-parameter", "x"]]
)
def test_wrong_usage_of_node_set_ends_with_2(engine: Engine, more: list[str]) -> None:
    assert engine.call("node", "set", "any", *more).exit_code == 2


def test_retry_of_a_running_workflow_is_refused(engine: Engine) -> None:
    name = engine.waiting()
    refused = engine.call("retry", name)
    assert refused.exit_code == 2
    assert f"{name} cannot be retried: it is Running" in refused.stderr
    engine.ok("terminate", name)


TWICE = HEAD % "twice" + (
    "  - name: main\n    steps:\n    - - {name: first, template: say}\n    - - {name: second, template: end}\n"
    "  - {name: say, container: {image: alpine, command: [sh, -c], args: ['echo once']}}\n"
    "  - {name: end, container: {image: alpine, command: [sh, -c], args: ['exit {{workflow.parameters.code}}']}}\n"
)


def test_retry_runs_what_failed_again_with_other_arguments_and_keeps_what_succeeded(engine: Engine) -> None:
    name = engine.call("submit", "-", "-p", "code=3", stdin=TWICE).stdout.strip()
    assert engine.call("wait", name).exit_code == 1
    before = {n["displayName"]: n for n in nodes(engine.json("get", name))}
    assert (before["first"]["phase"], before["second"]["phase"]) == ("Succeeded", "Failed")
    assert engine.ok("retry", name, "-p", "code=0") == f"workflow {name} retried\n"
    assert engine.ok("wait", name) == f"{name} Succeeded\n"
    after = {n["displayName"]: n for n in nodes(engine.json("get", name))}
    assert after["first"] == before["first"]
    assert after["second"]["phase"] == "Succeeded"
    refused = engine.call("retry", name)
    assert refused.exit_code == 2
    assert "To retry a succeeded workflow, set the options restartSuccessful and nodeFieldSelector" in refused.stderr


def test_resubmit_makes_a_new_workflow(engine: Engine) -> None:
    first = engine.ok("submit", "--from", "say", "--wait").strip()
    told = engine.ok("resubmit", first, "-p", "message=other").split()
    assert told[0::2] == ["workflow", "created", first]
    assert told[1] != first
    engine.ok("wait", told[1])
    assert engine.ok("logs", told[1]) == "other\n"


@pytest.mark.parametrize("verb", ["stop", "terminate", "suspend", "resume", "retry", "resubmit", "delete"])
def test_a_verb_without_a_name_is_wrong_usage(engine: Engine, verb: str) -> None:
    refused = engine.call(verb)
    assert refused.exit_code == 2
    assert "Missing argument 'NAMES...'" in refused.stderr
