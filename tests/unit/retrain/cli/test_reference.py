import subprocess
import sys
from pathlib import Path

import click

from retrain.cli import cli, verbs
from retrain.cli.reference import page

ROOT = Path(__file__).parents[4]


def test_the_page_in_the_docs_is_what_the_commands_say() -> None:
    """When this fails: `python -m retrain.cli.reference > docs/reference/commands.md`."""
    assert (ROOT / "docs/reference/commands.md").read_text(encoding="utf-8") == page()


def test_the_module_prints_the_page() -> None:
    command = [sys.executable, "-m", "retrain.cli.reference"]
    assert subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout == page()


def test_every_verb_has_a_section_with_an_example() -> None:
    text = page()
    for verb in verbs.modules():
        section = text.partition(f"\n## retrain {verb}\n")[2].partition("\n## ")[0]
        assert "```sh\nretrain " in section or "```sh\neval" in section, verb


def test_a_verb_that_is_not_there_has_no_command() -> None:
    assert cli.get_command(click.Context(cli), "nonsense") is None


def test_options_do_not_break_the_tables() -> None:
    for line in page().splitlines():
        if line.startswith("| `"):
            assert line.replace("\\|", "").count("|") == 3, line
