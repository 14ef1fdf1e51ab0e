import base64
import json
from pathlib import Path

import click
import pytest

from tests.unit.retrain.cli.driver import HEAD, MANIFEST, Engine, call, gated, open_gate, shell


def test_submit_prints_the_name_and_wait_its_end(engine: Engine) -> None:
    name = engine.submit(shell("echo hi"))
    assert name.startswith("shell-")
    assert engine.ok("wait", name) == f"{name} Succeeded\n"


def test_submit_and_wait_fail_when_the_workflow_does(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(shell("echo no; exit 3"), encoding="utf-8")
    ended = engine.call("submit", str(file), "--wait", "-o", "json")
    assert ended.exit_code == 1
    (workflow,) = json.loads(ended.stdout)["items"]
    assert workflow["status"]["phase"] == "Failed"
    waited = engine.call("wait", workflow["metadata"]["name"])
    assert waited.exit_code == 1
    assert waited.stdout.endswith(" Failed\n")
    assert engine.call("watch", workflow["metadata"]["name"]).exit_code == 1


def test_submit_from_a_template_with_a_parameter_and_a_name(engine: Engine) -> None:
    told = engine.ok("submit", "--from", "workflowtemplate/say", "-p", "message=from=here", "--name", "named", "--wait", "-o", "wide")
    assert "Name:       named" in told
    assert "Parameters: message = from=here" in told
    assert engine.ok("logs", "named") == "from=here\n"
    again = engine.call("submit", "--from", "say", "--name", "named")
    assert again.exit_code == 1
    assert "already exists" in again.stderr


def test_submit_reads_standard_input(engine: Engine) -> None:
    told = engine.call("submit", "-", "--wait", "-o", "json", stdin=shell("true", "piped"))
    assert [w["metadata"]["generateName"] for w in json.loads(told.stdout)["items"]] == ["piped-"]


def test_one_name_for_several_workflows_is_wrong_usage(engine: Engine) -> None:
    refused = engine.call("submit", "-", "--name", "same", stdin=shell("true") + "---\n" + shell("true"))
    assert refused.exit_code == 2
    assert "--name names one Workflow: there are 2" in refused.stderr
    assert engine.call("get", "same").exit_code == 1


def test_a_template_whose_arguments_are_missing_is_refused_before_anything_is_stored(engine: Engine, tmp_path: Path) -> None:
    template = next(t for t in MANIFEST.split("---\n") if "WorkflowTemplate" in t).replace("{name: say}", "{name: needs}")
    (tmp_path / "t.yaml").write_text(template.replace("{name: message, value: hello}", "{name: message}"), encoding="utf-8")
    engine.ok("apply", str(tmp_path / "t.yaml"))
    before = engine.ok("list", "-o", "name")
    refused = engine.call("submit", "--from", "needs")
    assert refused.exit_code == 2
    assert "spec.arguments.message.value or spec.arguments.message.valueFrom is required" in refused.stderr
    assert engine.ok("list", "-o", "name") == before


def test_submit_watch_prints_each_change_of_a_node(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(shell("true"), encoding="utf-8")
    told = engine.ok("submit", str(file), "--watch").splitlines()
    assert told[-2].startswith("Succeeded  shell-")
    assert told[-1] == told[-2].split()[1]


def test_submit_stores_the_templates_of_its_files_too(engine: Engine, tmp_path: Path) -> None:
    template = next(t for t in MANIFEST.split("---\n") if "WorkflowTemplate" in t).replace("{name: say}", "{name: beside}")
    workflow = "---\napiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: uses-beside}\n"
    (tmp_path / "w.yaml").write_text(template + workflow + "spec: {workflowTemplateRef: {name: beside}}\n", encoding="utf-8")
    assert engine.ok("submit", str(tmp_path / "w.yaml"), "--wait") == "uses-beside\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "give files, --from workflowtemplate/NAME, or a MODEL with --reason"),
        (["--from", "workflowtemplate/"], "is not workflowtemplate/NAME"),
        (["--from", "cronworkflow/x"], "is not workflowtemplate/NAME"),
        (["--from", "say", "-p", "noequals"], "'noequals' is not name=value"),
        (["--from", "sya"], 'workflowtemplates.argoproj.io "sya" not found (did you mean say?)'),
        (["missing.yaml"], "does not exist"),
        (["m", "--now"], "--reason TEXT is required with --now"),
        (["m", "--now", "--reason", " "], "--reason TEXT is required with --now"),
        (["m", "n", "--now", "--reason", "x"], "--now and --reason go with one MODEL"),
        (["--from", "say", "--now", "--reason", "x"], "--now and --reason go with one MODEL"),
    ],
)
def test_wrong_usage_of_submit_ends_with_2(engine: Engine, arguments: list[str], told: str) -> None:
    refused = engine.call("submit", *arguments)
    assert refused.exit_code == 2
    assert told in refused.stderr


def test_submit_of_a_model_carries_why_and_that_it_is_now(engine: Engine, tmp_path: Path) -> None:
    template = next(t for t in MANIFEST.split("---\n") if "WorkflowTemplate" in t).replace("{name: say}", "{name: retrain}")
    models = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: models}\ndata: {m.yaml: ''}\n"
    (tmp_path / "t.yaml").write_text(template + models, encoding="utf-8")
    engine.ok("apply", str(tmp_path / "t.yaml"))
    nobody = engine.call("submit", "nobody", "--now", "--reason", "x")
    assert (nobody.exit_code, "there is no model 'nobody'; models: m" in nobody.stderr) == (2, True)
    for now in (["--now"], []):
        told = engine.json("submit", "m", *now, "--reason", "the fair is on Monday")
        (workflow,) = told["items"]
        values = {each["name"]: each["value"] for each in workflow["spec"]["arguments"]["parameters"]}
        event = json.loads(base64.b64decode(values["event"]))
        assert values["model"] == "m"
        assert event == {"model": "m", "reason": "the fair is on Monday", "source": "submit", **({"now": "yes"} if now else {})}
        assert workflow["metadata"]["name"].startswith("retrain-m-")
        assert workflow["metadata"]["labels"]["retrain/trigger"] == "submit"


def test_submit_of_what_is_no_workflow_says_where_it_belongs(engine: Engine) -> None:
    refused = engine.call("submit", str(engine.folder / "all.yaml"))
    assert refused.exit_code == 2
    assert "no Workflow in it; `retrain apply` stores" in refused.stderr


def test_submit_refuses_what_argo_would_and_what_this_engine_does(engine: Engine, tmp_path: Path) -> None:
    bad, other = tmp_path / "bad.yaml", tmp_path / "other.yaml"
    bad.write_text(shell("true").replace("entrypoint: main", "entrypoint: nothing"), encoding="utf-8")
    other.write_text(HEAD % "plug" + "  - name: main\n    plugin: {hello: {}}\n", encoding="utf-8")
    before = engine.ok("list", "-o", "name")
    refused = engine.call("submit", str(bad))
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert f"{bad}:" in refused.stderr
    assert engine.call("submit", str(other)).exit_code == 3
    assert engine.ok("list", "-o", "name") == before


def test_logs_of_a_node_that_is_not_there_name_those_that_are(engine: Engine, finished: str) -> None:
    refused = engine.call("logs", finished, "third")
    assert refused.exit_code == 2
    assert f"{finished} has no pod for a node 'third'; nodes with pods: first, second" in refused.stderr


def test_watch_follows_to_the_end(engine: Engine) -> None:
    name = engine.submit(gated("watched"))
    watching = engine.popen("watch", name)
    assert watching.stdout is not None
    assert "Running" in watching.stdout.readline()
    open_gate(engine.state, "watched")
    told, _ = watching.communicate(timeout=120)
    assert told.splitlines()[-1] == f"Succeeded  {name}"


def test_watching_what_is_deleted_meanwhile_ends_with_1(engine: Engine) -> None:
    name = engine.waiting()
    process = engine.popen("watch", name)
    assert process.stdout is not None
    assert "Running" in process.stdout.readline()
    engine.ok("delete", name)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 1
    assert f"workflow {name} was deleted while it was watched" in told


def test_run_needs_no_engine(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(shell("echo {{workflow.parameters.word}}", "alone"), encoding="utf-8")
    ended = call("run", str(file), "-p", "word=x", "--state", str(tmp_path / "s"), "-o", "json")
    assert ended.exit_code == 0, ended.output
    (workflow,) = json.loads(ended.stdout)["items"]
    assert workflow["status"]["phase"] == "Succeeded"
    assert workflow["spec"]["arguments"]["parameters"] == [{"name": "word", "value": "x"}]


OUTER = """  - name: main
    resource:
      action: create
      manifest: |
        apiVersion: argoproj.io/v1alpha1
        kind: Workflow
        metadata: {generateName: inner-}
        spec:
          entrypoint: say
          arguments: {parameters: [{name: why, value: {{=toJson(workflow.parameters.why)}}}]}
          templates:
          - name: say
            inputs: {parameters: [{name: own, value: of the inner one}]}
            container: {image: busybox, command: [echo, "{{= '{' + '{inputs.parameters.own}' + '}' }}"]}
"""


def test_a_workflow_that_a_step_creates_keeps_its_own_tags(engine: Engine) -> None:
    why = 'a "quoted": reason'
    engine.ok("wait", engine.submit(HEAD % "outer" + OUTER, "-p", f"why={why}"))
    (inner,) = [w for w in engine.json("list")["items"] if w["metadata"]["name"].startswith("inner-")]
    assert inner["spec"]["arguments"]["parameters"] == [{"name": "why", "value": why}]
    engine.ok("wait", inner["metadata"]["name"])
    assert "of the inner one" in engine.ok("logs", inner["metadata"]["name"])


def test_run_where_an_engine_runs_names_submit(engine: Engine) -> None:
    refused = engine.call("run", "-", stdin=shell("true"))
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert f"an engine runs on {engine.state} (process {engine.process.pid}): `retrain submit --wait` runs it there" in refused.stderr


def test_run_of_what_is_no_workflow_is_invalid(tmp_path: Path) -> None:
    refused = call("run", "-", "--state", str(tmp_path / "s"), stdin="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    assert refused.exit_code == 2
    assert refused.stderr == "retrain: standard input: no Workflow in it\n"
    (tmp_path / "comment.yaml").write_text("# nothing yet\n", encoding="utf-8")
    refused = call("run", str(tmp_path / "comment.yaml"), "--state", str(tmp_path / "s"))
    assert refused.exit_code == 2
    assert str(tmp_path / "comment.yaml") in refused.stderr


def test_run_fails_when_one_workflow_does_and_shows_all_in_order(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(shell("exit 4", "bad") + "---\n" + shell("true", "good"), encoding="utf-8")
    ended = call("run", str(file), "--state", str(tmp_path / "s"))
    assert ended.exit_code == 1
    told = click.unstyle(ended.stdout)
    assert 0 < told.index("✖ Failed") < told.index("✔ Succeeded")
    file.write_text(shell("true").replace("entrypoint", "entrypiont"), encoding="utf-8")
    assert call("run", str(file), "--state", str(tmp_path / "t")).exit_code == 2


@pytest.mark.parametrize(
    "spec", ["text", {"arguments": "text"}, {"arguments": {"parameters": {"a": 1}}}, {"arguments": {"parameters": ["a"]}}]
)
def test_arguments_that_are_no_list_are_left_for_lint_to_refuse(spec: object, tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    document = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "w"}, "spec": spec}
    file.write_text(json.dumps(document), encoding="utf-8")
    refused = call("run", str(file), "-p", "a=b", "--state", str(tmp_path / "s"))
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.startswith(f"retrain: {file}:1: error: ")
