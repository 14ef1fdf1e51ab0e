"""What holds for every verb: names, help, the state folder, colours, pipes, and the system's own errors."""

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from retrain.cli import cli, verbs
from tests.unit.retrain.cli.driver import call, unread

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize(
    ("word", "told"), [("lst", "did you mean 'list'?"), ("submitt", "did you mean 'submit'?"), ("xyzzy", "no verb 'xyzzy'\n")]
)
def test_a_mistyped_verb_is_wrong_usage_and_the_nearest_is_named(word: str, told: str) -> None:
    refused = call(word)
    assert refused.exit_code == 2
    assert told in refused.stderr


def test_the_help_shows_every_verb_once_in_sections_with_a_whole_sentence() -> None:
    shown = subprocess.run([sys.executable, "-m", "retrain.cli", "-h"], capture_output=True, text=True, check=False, timeout=120)
    assert shown.returncode == 0, shown.stderr
    text = shown.stdout
    for verb in verbs.modules():
        assert sum(line.startswith(f"  {verb} ") for line in text.splitlines()) == 1, (verb, text)
    order = [text.index(f"\n{title}:") for title in ("The engine", "Events", "Manifests", "Workflows", "Models")]
    assert order == sorted(order)
    assert "a model is trained, compared and promoted." in " ".join(text.split())
    assert "..." not in text.partition("The engine:")[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--state", "X", "list"],
        ["list", "--state", "X"],
        ["--state", "other", "list", "--state", "X"],
        ["events", "--state", "X", "get", "1"],
        ["--state", "X", "events", "get", "1"],
        ["--state", "X", "sources", "pause", "a"],
        ["--state", "other", "sources", "--state", "X", "pause", "a"],
    ],
)
def test_the_state_may_stand_before_the_verb_and_the_nearest_one_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setenv("RETRAIN_STATE", str(tmp_path / "environment"))
    refused = call(*(str(tmp_path / "X") if a == "X" else a for a in arguments))
    assert refused.exit_code == 1
    assert f"no engine runs on {tmp_path / 'X'}:" in refused.stderr


def test_the_environment_names_the_state_where_no_option_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETRAIN_STATE", str(tmp_path / "environment"))
    assert f"no engine runs on {tmp_path / 'environment'}:" in call("events", "get", "1").stderr


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colours_are_left_out_where_the_environment_asks(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    @cli.command(name="coloured")
    def coloured() -> None:
        click.echo(click.style("red", fg="red"))

    monkeypatch.setattr(verbs, "modules", lambda: {"coloured": "nowhere.nothing"})
    monkeypatch.setattr(verbs, "command", lambda verb: coloured)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[31m" in CliRunner().invoke(cli, ["coloured"], color=True).output
    monkeypatch.setenv(name, value)
    assert CliRunner().invoke(cli, ["coloured"], color=True).output == "red\n"


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "w.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n", encoding="utf-8")
    refused = call("up", str(tmp_path / "w.yaml"), "--state", str(tmp_path / "file" / "s"))
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == (
        f"retrain: {tmp_path / 'file'} is a file, but a folder is needed there: move it, or choose another state folder\n"
    )


@pytest.mark.parametrize("arguments", [["--help"], ["list", "--help"], ["render", str(ROOT / "models")]])
def test_a_closed_pipe_is_not_an_error(arguments: list[str]) -> None:
    assert unread(*arguments) == (0, "")


def test_an_error_of_the_system_without_a_file_is_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cli, "main", full)
    assert call("list").stderr == "retrain: system error: No space left on device\n"
