"""The repository's pages, cut into fenced blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
TOP = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "src/localargo/README.md")]
FENCE = re.compile(r"^(\s*)(`{3,})\s*(\w*)\s*$")
ENGINE = "<!-- engine -->"
INSTALL = "<!-- install -->"


@dataclass(frozen=True)
class Block:
    """A fenced block: its page, the line of its first line, its language, its text."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    inside, indent, language, start, held = "", "", "", 0, list[str]()
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        fence = FENCE.match(line)
        if not inside and fence:
            indent, inside, language = fence.groups()
            start, held = number + 1, []
        elif inside and line.strip() == inside:
            yield Block(page, start, language, "\n".join(held) + "\n")
            inside = ""
        elif inside:
            held.append(line.removeprefix(indent))
    assert not inside, f"{page.relative_to(ROOT)}:{start}: the block has no end"


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    kept, inside = [], ""
    for line in page.read_text(encoding="utf-8").splitlines():
        fence = FENCE.match(line)
        if not inside and fence:
            inside = fence[2]
        elif inside:
            inside = "" if line.strip() == inside else inside
        else:
            kept.append(line)
    return "\n".join(kept)


def wants_engine(page: Path) -> bool:
    """Whether the first line after the title asks for one."""
    return _marked(page, ENGINE)


def wants_install(page: Path) -> bool:
    """Whether it is for an empty folder, and installs the product itself."""
    return _marked(page, INSTALL)


def _marked(page: Path, mark: str) -> bool:
    lines = [line for line in page.read_text(encoding="utf-8").splitlines() if line.strip()]
    return len(lines) > 1 and lines[1].strip() == mark
