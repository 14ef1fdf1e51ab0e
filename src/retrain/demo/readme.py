"""The end of the demo as README.md shows it: `python -m retrain.demo.readme .retrain/demo` writes it there."""

from __future__ import annotations

import re
import sys
from itertools import takewhile
from pathlib import Path

from retrain.demo.transcript import FILE

BEGIN = "<!-- printed by the demo; written by `make readme` -->\n```\n"
END = "```\n<!-- end of what the demo printed -->\n"
VARYING = (  # what differs from one demo to the next, or with the code that computes: what stands for it
    (r"(?<=retrain-flight-delay-)\d+", "<window>"),
    (r"\b[0-9a-f]{16}\b", "<trial>"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "<time>"),
)

DECIMAL = re.compile(r"-?\b\d+\.\d+\b")
TOLERANCE = 0.01  # processors round differently, which moves the last of four digits


def sample(state: Path) -> str:
    """Runs, report and explanation of a finished demo, without its tables of trials and the chain from the event to the champion."""
    lines = (state / FILE).read_text(encoding="utf-8").splitlines()
    subjects = {line.split()[0]: number for number, line in enumerate(lines) if re.match(r" {0,8}[a-z]+(  |$)", line)}
    first_trials = next(number for number, line in enumerate(lines) if line.split()[:1] == ["trials"])
    runs = lines[subjects["runs"] : first_trials]
    report = "   report  .retrain/demo/report.html"
    why = list(takewhile(lambda line: not line.startswith("  event "), lines[subjects["why"] : subjects["done"]]))
    return "\n".join([*runs, report, *why]).rstrip() + "\n"


def shown(readme: str) -> str:
    """What README.md shows now. Raises ValueError where its markers are missing."""
    return readme[readme.index(BEGIN) + len(BEGIN) : readme.index(END)]


def same(one: str, other: str) -> bool:
    """Whether both are the sample of the same demo: run names, trials and times aside, and decimals within TOLERANCE."""
    return _words(one) == _words(other) and all(abs(a - b) <= TOLERANCE for a, b in zip(_decimals(one), _decimals(other), strict=True))


def _words(text: str) -> str:
    text = " ".join(text.split())
    for pattern, placeholder in VARYING:
        text = re.sub(pattern, placeholder, text)
    return DECIMAL.sub("<decimal>", text)


def _decimals(text: str) -> list[float]:
    return [float(found) for found in DECIMAL.findall(text)]


def main(state: Path, readme: Path) -> None:
    """Put the sample between the markers."""
    text = readme.read_text(encoding="utf-8")
    fresh = readme.with_suffix(".new")
    fresh.write_text(text.replace(f"{BEGIN}{shown(text)}{END}", f"{BEGIN}{sample(state)}{END}"), encoding="utf-8")
    fresh.replace(readme)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path("README.md"))
