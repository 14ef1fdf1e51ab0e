"""What the pages show is what happens: every console block is carried out in a copy of the repository, page by page."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.committed import copy_repository
from tests.docs.pages import PAGES, ROOT, TOP, Block, blocks, wants_engine

COMMAND_SECONDS = 600
WORKERS = 3  # pages at a time
KEPT = ("HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
CONSOLE = [page for page in PAGES if any(block.language == "console" for block in blocks(page))]


@dataclass(frozen=True)
class Command:
    """A command of a console block, over as many lines as its quotes are open, and the lines shown below it."""

    block: Block
    text: str
    shown: tuple[str, ...]


def commands(block: Block) -> list[Command]:
    """Lines that begin with `$ ` and what is shown until the next one."""
    found: list[Command] = []
    lines = block.text.splitlines()
    assert lines and lines[0].startswith("$ "), f"{block}: a console block begins with a command (`$ ...`)"
    while lines:
        text = lines.pop(0).removeprefix("$ ")
        while not complete(text):
            assert lines, f"{block}: the command has no end: {text}"
            text += "\n" + lines.pop(0).removeprefix("> ")
        shown = []
        while lines and not lines[0].startswith("$ "):
            shown.append(lines.pop(0))
        found.append(Command(block, text, tuple(shown)))
    return found


def complete(text: str) -> bool:
    """Whether bash takes it as a whole command."""
    if text.endswith("\\"):
        return False
    return subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False).returncode == 0


def matches(shown: Sequence[str], said: Sequence[str]) -> bool:
    """Whether the lines are those shown: `...` alone stands for any lines, inside a line for any text, `<...>` for any text there."""

    @cache
    def rest(i: int, j: int) -> bool:
        if i == len(shown):
            return j == len(said)
        if shown[i].strip() == "...":
            return rest(i + 1, j) or (j < len(said) and rest(i, j + 1))
        return j < len(said) and bool(pattern(shown[i]).fullmatch(said[j].rstrip())) and rest(i + 1, j + 1)

    return rest(0, 0)


def pattern(line: str) -> re.Pattern[str]:
    """Any text for `<...>`, and for `...` at the end of a line; blanks of a table may be more or fewer."""
    parts = re.split(r"(<[^<>]*>|\.\.\.$|\s+)", line.rstrip())
    return re.compile("".join(".*" if re.fullmatch(r"<[^<>]*>|\.\.\.", p) else r"\s+" if p.isspace() else re.escape(p) for p in parts))


class Copy:
    """A copy of the repository, the shell that a page's commands are typed into, and the engine that the page asks for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        copy_repository(folder)
        (folder / "tests").mkdir()
        shutil.copytree(ROOT / "tests" / "manifests", folder / "tests" / "manifests", ignore=shutil.ignore_patterns("__pycache__"))
        self.environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        programs = [str(Path(sys.executable).parent), *os.environ.get("PATH", os.defpath).split(os.pathsep)]
        self.environment |= {"PATH": os.pathsep.join(programs), "PYTHONPATH": str(folder), "NO_COLOR": "1", "COLUMNS": "160"}
        self.variables = folder.parent / "variables"

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

    def type(self, command: Command) -> str:
        """Carry it out where and as the one before it ended: variables that it exported are there. Its standard output, or what it said on
        standard error when there was none."""
        script = f'{command.text}\ncode=$?\n"$PYTHON" -c "{DUMP}" "$KEEP" "$PWD"\nexit $code\n'
        at, variables = self.folder, self.environment
        if self.variables.exists():
            known = json.loads(self.variables.read_text(encoding="utf-8"))
            at, variables = Path(known["at"]), known["variables"]
        variables = {**variables, "PYTHON": sys.executable, "KEEP": str(self.variables)}
        ended = subprocess.run(
            ["bash", "-c", script], cwd=at, env=variables, capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS
        )
        where = f"{command.block}: $ {command.text}\n"
        assert ended.returncode == 0, f"{where}ended with {ended.returncode}\n{ended.stdout}{ended.stderr}"
        return ended.stdout or ended.stderr


DUMP = "import json,os,sys; open(sys.argv[1],'w').write(json.dumps({'at':sys.argv[2],'variables':dict(os.environ)}))"


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
        for command in (command for block in blocks(page) if block.language == "console" for command in commands(block)):
            said = copy.type(command).splitlines()
            asked = f"{command.block}: $ {command.text}\nshown:\n" + "\n".join(command.shown) + "\nsaid:\n" + "\n".join(said)
            # what shows nothing says nothing about its output
            assert not command.shown or matches(command.shown, said), asked


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
