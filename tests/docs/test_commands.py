"""What the pages show is what happens: every console block is carried out in a copy of the repository, page by page."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from tests.committed import copy_repository
from tests.docs.pages import PAGES, ROOT, TOP, Block, blocks, wants_engine, wants_install
from tests.docs.shell import KEPT, Shell, commands, matches, of_page

WORKERS = 3  # pages at a time
CONSOLE = [page for page in PAGES if any(block.language == "console" for block in blocks(page)) and not wants_install(page)]


class Copy(Shell):
    """A copy of the repository, the shell that a page's commands are typed into, and the engine that the page asks for."""

    def __init__(self, folder: Path) -> None:
        copy_repository(folder)
        (folder / "tests").mkdir()
        shutil.copytree(ROOT / "tests" / "manifests", folder / "tests" / "manifests", ignore=shutil.ignore_patterns("__pycache__"))
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        programs = [str(Path(sys.executable).parent), *os.environ.get("PATH", os.defpath).split(os.pathsep)]
        environment |= {"PATH": os.pathsep.join(programs), "PYTHONPATH": str(folder), "NO_COLOR": "1", "COLUMNS": "160"}
        super().__init__(folder, environment, folder.parent / "variables")

    @contextmanager
    def engine(self) -> Iterator[None]:
        command = ["retrain", "up", "--ports", "free", "--state", ".retrain"]
        log = self.folder.parent / "up.log"
        with log.open("w", encoding="utf-8") as errors:
            running = subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            assert running.stdout is not None
            assert running.stdout.readline().strip() == "ready", log.read_text(encoding="utf-8")
            yield
        finally:
            running.send_signal(signal.SIGTERM)
            try:
                running.communicate(timeout=120)
            except subprocess.TimeoutExpired:
                running.kill()
                raise
        assert running.returncode == 0, log.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pages(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[Path, Future[None]]]:
    """The pages that are asked for, all under way at once: most of their time is waiting."""
    asked = [
        item.callspec.params.get("console")
        for item in request.session.items
        if isinstance(item, pytest.Function) and hasattr(item, "callspec")
    ]
    with ThreadPoolExecutor(WORKERS) as pool:
        yield {page: pool.submit(carry_out, page, tmp_path_factory.mktemp(page.stem)) for page in CONSOLE if page in asked}


@pytest.mark.slow
@pytest.mark.parametrize("console", CONSOLE, ids=lambda page: str(page.relative_to(ROOT)))
def test_console_blocks_do_what_they_show(console: Path, pages: Mapping[Path, Future[None]]) -> None:
    pages[console].result()


def carry_out(page: Path, folder: Path) -> None:
    """Type the page's commands, one after the other, into a copy of its own."""
    copy = Copy(folder / "copy")
    with copy.engine() if wants_engine(page) else nullcontext():
        for command in of_page(page):
            copy.carry_out(command)


ALL = [block for page in [*TOP, *PAGES] for block in blocks(page)]


@pytest.mark.parametrize("block", [b for b in ALL if b.language in ("sh", "bash")], ids=str)
def test_shell_blocks_are_shell(block: Block) -> None:
    ended = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{block}: {ended.stderr}"


@pytest.mark.parametrize("block", [b for b in ALL if b.language == "python"], ids=str)
def test_python_blocks_compile(block: Block) -> None:
    compile(block.text, str(block), "exec")


def test_blocks_have_a_language_that_is_tested_or_is_none() -> None:
    known = {"", "console", "sh", "bash", "python", "yaml", "json", "mermaid", "toml", "text"}
    assert [f"{block}: {block.language}" for block in ALL if block.language not in known] == []


def test_verbs_in_shell_blocks_exist() -> None:
    from retrain.cli.verbs import modules

    used = {
        (str(b), v)
        for b in ALL
        if b.language in ("sh", "bash", "console")
        for v in re.findall(r"^(?:\$ )?retrain ([a-z]\w*)", b.text, re.MULTILINE)
    }
    assert used
    assert [(where, verb) for where, verb in sorted(used) if verb not in modules()] == []


def test_a_command_goes_on_while_its_quotes_are_open() -> None:
    found = commands(Block(ROOT / "x.md", 1, "console", '$ python -c "\nprint(1)\n"\n1\n$ true\n'))
    assert [(command.text, command.shown) for command in found] == [('python -c "\nprint(1)\n"', ("1",)), ("true", ())]


@pytest.mark.parametrize(
    ("shown", "said", "fits"),
    [
        (["a", "..."], ["a"], True),
        (["a", "...", "z"], ["a", "b", "c", "z"], True),
        (["..."], [], True),
        (["a"], ["a", "b"], False),
        (["run <name> ended"], ["run retrain-x-1 ended"], True),
        (["written..."], ["written, and more"], True),
        (["A   B"], ["A B"], True),
        (["a.c"], ["abc"], False),
    ],
)
def test_how_lines_are_matched(shown: list[str], said: list[str], fits: bool) -> None:
    assert matches(tuple(shown), tuple(said)) is fits
