from pathlib import Path

import click
import pytest
import yaml

from tests.unit.retrain.cli.driver import MANIFEST, Engine, shell


def test_list_in_every_shape_newest_first(engine: Engine, finished: str) -> None:
    table = engine.ok("list", "--limit", "0").splitlines()
    assert table[0].split() == ["NAME", "STATUS", "AGE", "DURATION", "PROGRESS", "MESSAGE"]
    assert any(line.startswith(finished) and "✔ Succeeded" in line and "2/2" in line for line in table)
    names = engine.ok("list", "-o", "name").split()
    assert finished in names
    assert len(names) == len(table) - 1 == len(engine.json("list")["items"])
    created = [w["metadata"]["creationTimestamp"] for w in yaml.safe_load(engine.ok("list", "-o", "yaml"))["items"]]
    assert created == sorted(created, reverse=True)


def test_a_table_has_the_newest_and_says_how_many_more_there_are(engine: Engine) -> None:
    names = engine.call("submit", "-", stdin="---\n".join(shell("true", f"many{i}") for i in range(24))).stdout.split()
    engine.ok("wait", *names)
    shown = engine.call("list")
    assert [line.split()[0] for line in shown.stdout.splitlines()] == ["NAME", *names[:3:-1]]
    everything = engine.ok("list", "-o", "name").split()
    assert shown.stderr == f"{len(everything) - 20} more: `--limit 0` shows all\n"
    assert len(engine.ok("list", "--limit", "0").splitlines()) == len(everything) + 1
    assert engine.ok("list", "--limit", "2", "-o", "name").split() == everything[:2]
    chosen = engine.call("list", "--limit", "1", "--phase", "Succeeded", "-o", "name")
    assert (chosen.stdout.split(), len(chosen.stderr.splitlines())) == (names[-1:], 1)
    assert engine.call("list", "sensors", "--limit", "1").stderr == ""
    engine.ok("delete", *names)


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


def test_latest_is_the_one_created_last_also_within_a_second(engine: Engine) -> None:
    told = engine.call("submit", "-", "-o", "name", stdin="---\n".join(shell("true", f"w{i}") for i in range(3)))
    names = told.stdout.split()
    assert engine.ok("get", "-o", "name") == f"{names[2]}\n"
    assert engine.ok("list", "-o", "name").split()[:3] == names[::-1]
    engine.ok("wait", *names)


def test_a_workflow_that_is_not_there(engine: Engine) -> None:
    for verb in ("get", "watch", "logs", "wait", "stop", "delete"):
        refused = engine.call(verb, "nobody")
        assert refused.exit_code == 1
        assert '"nobody" not found: `retrain list` shows the Workflows there are' in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--phase", "Done"], "'Done' is not one of 'Pending', 'Running', 'Succeeded', 'Failed', 'Error'"),
        (["sensors", "--phase", "Failed"], "--phase is for Workflows"),
        (["sensor", "extra"], "unexpected extra argument"),
        (["nonsense"], "there is no kind 'nonsense': use one of Workflow, WorkflowTemplate, "),
        (["-l", "a in b"], "cannot read 'a in b'"),
    ],
)
def test_wrong_usage_of_list_ends_with_2(engine: Engine, arguments: list[str], told: str) -> None:
    refused = engine.call("list", *arguments)
    assert refused.exit_code == 2
    assert told in refused.stderr


def test_an_empty_list_is_its_header_and_says_so_on_standard_error(engine: Engine) -> None:
    told = engine.call("list", "-l", "nobody=has")
    assert (told.exit_code, told.stderr) == (0, "no workflows that match\n")
    assert len(told.stdout.splitlines()) == 1
    told = engine.call("list", "cronworkflows", "-o", "name")
    assert (told.exit_code, told.stdout, told.stderr) == (0, "", "no cronworkflows\n")


def test_other_documents_are_listed_and_shown(engine: Engine) -> None:
    assert engine.ok("list", "sensors", "-o", "name") == "ear\n"
    assert [d["metadata"]["name"] for d in engine.json("list", "es")["items"]] == ["clock", "hook"]
    assert engine.ok("list", "sensor").splitlines()[0].split() == ["NAME", "AGE"]
    assert yaml.safe_load(engine.ok("get", "sensor/ear"))["spec"]["dependencies"][0]["name"] == "said"
    assert engine.json("get", "workflowtemplate/say")["kind"] == "WorkflowTemplate"
    assert engine.ok("get", "eventsource/hook", "-o", "name") == "hook\n"


def test_a_workflow_may_be_named_with_its_kind(engine: Engine, finished: str) -> None:
    assert "├─ ✔ first" in click.unstyle(engine.ok("get", f"workflow/{finished}"))
    assert engine.ok("get", "wf/@latest", "-o", "name") == engine.ok("get", "@latest", "-o", "name")


@pytest.mark.parametrize(
    ("name", "code", "told"),
    [
        ("sensor/nobody", 1, 'sensors.argoproj.io "nobody" not found'),
        ("a/b/c", 2, "'a/b/c' is not KIND/NAME"),
        ("/b", 2, "'/b' is not KIND/NAME"),
        ("", 2, "the name is empty"),
        ("a b?c", 1, 'workflows.argoproj.io "a b?c" not found'),
    ],
)
def test_a_document_that_is_not_there(engine: Engine, name: str, code: int, told: str) -> None:
    refused = engine.call("get", name)
    assert refused.exit_code == code
    assert told in refused.stderr


def test_other_documents_are_deleted(engine: Engine, tmp_path: Path) -> None:
    template = next(t for t in MANIFEST.split("---\n") if "WorkflowTemplate" in t).replace("{name: say}", "{name: gone}")
    (tmp_path / "t.yaml").write_text(template, encoding="utf-8")
    engine.ok("apply", str(tmp_path / "t.yaml"))
    assert engine.ok("delete", "workflowtemplate/gone") == "workflowtemplate gone deleted\n"
    assert engine.call("get", "workflowtemplate/gone").exit_code == 1
