"""The shell that a page's commands are typed into, and whether what they say is what the page shows."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.docs.pages import Block, blocks

COMMAND_SECONDS = 600
KEPT = ("HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
DUMP = "import json,os,sys; open(sys.argv[1],'w').write(json.dumps({'at':sys.argv[2],'variables':dict(os.environ)}))"


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


def of_page(page: Path) -> Iterator[Command]:
    """The commands of all console blocks."""
    return (command for block in blocks(page) if block.language == "console" for command in commands(block))


class Shell:
    """It stands in a folder and has these variables; `variables` is the file in which it keeps what a command exports."""

    def __init__(self, folder: Path, environment: Mapping[str, str], variables: Path) -> None:
        self.folder = folder
        self.environment = dict(environment)
        self.variables = variables

    def carry_out(self, command: Command) -> None:
        """Type it, and compare what it says with what is shown; what shows nothing says nothing about its output."""
        said = self.type(command).splitlines()
        asked = f"{command.block}: $ {command.text}\nshown:\n" + "\n".join(command.shown) + "\nsaid:\n" + "\n".join(said)
        assert not command.shown or matches(command.shown, said), asked

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
