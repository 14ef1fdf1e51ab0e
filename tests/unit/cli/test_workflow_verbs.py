import json
from pathlib import Path

import click
import pytest
import yaml

from retrain.cli import workflow_verbs
from tests.unit.cli.driver import HEAD, MANIFEST, Engine, call, shell


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


def test_submit_watch_prints_each_change_of_a_node(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(shell("sleep 0.3"), encoding="utf-8")
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
        ([], "give files, or --from workflowtemplate/NAME"),
        (["--from", "workflowtemplate/"], "is not workflowtemplate/NAME"),
        (["--from", "cronworkflow/x"], "is not workflowtemplate/NAME"),
        (["--from", "say", "-p", "noequals"], "'noequals' is not name=value"),
        (["missing.yaml"], "does not exist"),
    ],
)
def test_wrong_usage_of_submit_ends_with_2(engine: Engine, arguments: list[str], told: str) -> None:
    refused = engine.call("submit", *arguments)
    assert refused.exit_code == 2
    assert told in refused.stderr


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


def test_list_in_every_shape_newest_first(engine: Engine, finished: str) -> None:
    table = engine.ok("list").splitlines()
    assert table[0].split() == ["NAME", "STATUS", "AGE", "DURATION", "PROGRESS", "MESSAGE"]
    assert any(line.startswith(finished) and "✔ Succeeded" in line and "2/2" in line for line in table)
    names = engine.ok("list", "-o", "name").split()
    assert finished in names
    assert len(names) == len(table) - 1 == len(engine.json("list")["items"])
    created = [w["metadata"]["creationTimestamp"] for w in yaml.safe_load(engine.ok("list", "-o", "yaml"))["items"]]
    assert created == sorted(created, reverse=True)


def test_list_chooses_by_phase_and_label(engine: Engine, finished: str) -> None:
    failed = engine.submit(shell("exit 1"))
    engine.call("wait", failed)
    assert failed in engine.ok("list", "--phase", "Failed", "-o", "name").split()
    assert finished not in engine.ok("list", "--phase", "Failed", "--phase", "Error", "-o", "name").split()
    assert engine.ok("list", "-l", "nobody=has", "-o", "name") == ""
    assert engine.json("list", "-l", "nobody=has")["items"] == []


def test_get_in_every_shape(engine: Engine, finished: str) -> None:
    assert engine.ok("get", finished, "-o", "name") == f"{finished}\n"
    assert engine.json("get", finished)["status"]["phase"] == "Succeeded"
    assert yaml.safe_load(engine.ok("get", finished, "-o", "yaml"))["metadata"]["name"] == finished
    assert "├─ ✔ first" in click.unstyle(engine.ok("get", finished, "-o", "wide"))


def test_latest_is_the_one_created_last(engine: Engine) -> None:
    engine.ok("wait", engine.submit(shell("true")))
    newest = max(w["metadata"]["creationTimestamp"] for w in engine.json("list")["items"])
    assert engine.json("get")["metadata"]["creationTimestamp"] == newest


def test_a_workflow_that_is_not_there(engine: Engine) -> None:
    for verb in ("get", "watch", "logs", "wait", "stop", "delete"):
        refused = engine.call(verb, "nobody")
        assert refused.exit_code == 1
        assert '"nobody" not found: `retrain list` shows those there are' in refused.stderr


def test_logs_of_a_node_that_is_not_there_name_those_that_are(engine: Engine, finished: str) -> None:
    refused = engine.call("logs", finished, "third")
    assert refused.exit_code == 2
    assert f"{finished} has no pod of a node 'third': there are first, second" in refused.stderr


def test_watch_follows_to_the_end(engine: Engine) -> None:
    name = engine.submit(shell("sleep 0.2"))
    assert engine.ok("watch", name).splitlines()[-1] == f"Succeeded  {name}"


def test_watching_what_is_deleted_meanwhile_ends_with_1(engine: Engine) -> None:
    name = engine.waiting()
    process = engine.popen("watch", name)
    assert process.stdout is not None
    assert "Running" in process.stdout.readline()
    engine.ok("delete", name)
    _, told = process.communicate(timeout=30)
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


def test_run_fails_when_one_workflow_does_and_shows_all_in_order(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(shell("exit 4", "bad") + "---\n" + shell("true", "good"), encoding="utf-8")
    ended = call("run", str(file), "--state", str(tmp_path / "s"))
    assert ended.exit_code == 1
    told = click.unstyle(ended.stdout)
    assert 0 < told.index("✖ Failed") < told.index("✔ Succeeded")
    file.write_text(shell("true").replace("entrypoint", "entrypiont"), encoding="utf-8")
    assert call("run", str(file), "--state", str(tmp_path / "t")).exit_code == 2


def test_a_parameter_replaces_the_one_of_its_name_and_others_are_added() -> None:
    workflow = {"spec": {"arguments": {"parameters": [{"name": "a", "value": "1"}, {"name": "b"}]}}}
    workflow_verbs._with_parameters(workflow, ["b=2", "c=3=4"])
    assert workflow["spec"]["arguments"]["parameters"] == [
        {"name": "a", "value": "1"},
        {"name": "b", "value": "2"},
        {"name": "c", "value": "3=4"},
    ]


def test_log_lines_are_whole_whatever_the_chunks_were(capsys: pytest.CaptureFixture[str]) -> None:
    text = "zwölf\nzwei\nende".encode()
    for cut in range(len(text)):
        workflow_verbs._copy(iter([text[:cut], text[cut:]]), "p: ")
        assert capsys.readouterr().out == "p: zwölf\np: zwei\np: ende\n"
