"""Questions that the handlers answer: about a bucket, about specs. They run as processes of their own, as they would on a cluster."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from localargo import Finding, InvalidInput, LocalArgoError, NotFound, Unavailable

ERRORS: Mapping[int, type[LocalArgoError]] = {2: NotFound, 65: InvalidInput, 75: Unavailable, 78: InvalidInput}


def need_handlers() -> None:
    """Raise InvalidInput where `python -m handlers.<name>` would find nothing."""
    if not Path("handlers/__init__.py").is_file() and importlib.util.find_spec("handlers") is None:
        raise InvalidInput("no handlers/ here: go to the folder of your repository")


def ask(bucket: Mapping[str, str], *arguments: str, output: str = "json") -> str:
    """What `python -m handlers.why ... -o text|json` answers about the bucket that these variables name."""
    need_handlers()
    command = [sys.executable, "-m", "handlers.why", *arguments, "-o", output]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **bucket})
    if ended.returncode == 0:
        return ended.stdout
    raise ERRORS.get(ended.returncode, LocalArgoError)(reason(ended.stderr).replace("python -m handlers.why", "retrain"))


def check_specs(files: Sequence[Path]) -> list[Finding]:
    """What `handlers.check` finds in model specs."""
    if not files:
        return []
    need_handlers()
    command = [sys.executable, "-m", "handlers.check", *map(str, files)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        found = json.loads(ended.stdout)
    except ValueError:
        raise InvalidInput(f"handlers.check did not answer in JSON:\n{ended.stderr[-2000:]}") from None
    return [
        Finding(f.get("severity", "error"), f["file"], f.get("line", 0), f.get("path", ""), f["message"], f.get("hint", "")) for f in found
    ]


def try_spec(spec: Path, files: Sequence[Path], rows: int | None, output: str) -> tuple[int, str, str]:
    """Run a spec on local files: exit code, answer, and why it failed. With output `text` progress goes to standard error at once."""
    need_handlers()
    some = ["--rows", str(rows)] if rows else []
    command = [sys.executable, "-m", "handlers.try_", str(spec), *map(str, files), *some, "-o", output]
    ended = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE if output != "text" else None)
    failed = reason(ended.stderr.decode(errors="replace")) if ended.returncode and ended.stderr else ""
    return ended.returncode, ended.stdout.decode(errors="replace"), failed


def reason(stderr: str) -> str:
    """The last message that a handler wrote to standard error."""
    for line in reversed(stderr.strip().splitlines()):
        try:
            written = json.loads(line)
        except ValueError:
            return line
        if "message" in written:
            return str(written["message"])
    return "the handler gave no reason"
