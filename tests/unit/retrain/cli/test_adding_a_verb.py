"""A verb is one file: what else knows verbs finds it there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from retrain.cli import verbs

ROOT = Path(__file__).parents[4]
VERB = '''"""`retrain wave`."""

from __future__ import annotations

import click


@click.command()
@click.argument("name")
def wave(name: str) -> None:
    """Wave at somebody.

    \\b
    retrain wave world
    """
    click.echo(f"hello {name}")
'''


@pytest.fixture
def added(tmp_path: Path) -> Path:
    """A copy of the package with one more file."""
    shutil.copytree(ROOT / "src/retrain", tmp_path / "retrain", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "retrain/cli/events/wave.py").write_text(VERB, encoding="utf-8")
    return tmp_path


def run(folder: Path, *words: str) -> str:
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT / 'src'}"}
    done = subprocess.run([sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_file_in_a_sections_folder_is_a_verb(added: Path) -> None:
    assert run(added, "-m", "retrain.cli", "wave", "world") == "hello world\n"


def test_the_help_and_the_page_show_it_in_its_section(added: Path) -> None:
    shown = run(added, "-m", "retrain.cli", "--help")
    section = shown.partition("\nEvents:\n")[2].partition("\n\n")[0]
    assert "  wave     Wave at somebody." in section
    page = run(added, "-m", "retrain.cli.reference")
    assert "## retrain wave\n\n```\nretrain wave [OPTIONS] NAME\n```\n\nWave at somebody.\n\n```sh\nretrain wave world\n```" in page


def test_no_module_of_a_verb_is_imported_but_the_one_that_is_called() -> None:
    code = "import sys, retrain.cli; retrain.cli.main(['down', '--help'])"
    program = f"import atexit, sys; atexit.register(lambda: print(*sorted(sys.modules), sep=chr(10))); {code}"
    loaded = set(run(ROOT, "-c", program).splitlines())
    modules = {verb: f"retrain.cli.{module}" for verb, module in verbs.modules().items()}
    assert {verb for verb, module in modules.items() if module in loaded} == {"down"}
    assert not loaded & {"asyncio", "httpx", "pydantic", "rich", "starlette", "uvicorn", "yaml"}


def test_every_folder_of_verbs_has_a_title() -> None:
    folders = {path.parent.name for path in (ROOT / "src/retrain/cli").glob("*/__init__.py")}
    assert folders == set(verbs.SECTIONS)


def test_the_command_of_every_module_has_the_name_of_its_file() -> None:
    assert {verb: verbs.command(verb).name for verb in verbs.modules()} == {verb: verb for verb in verbs.modules()}
