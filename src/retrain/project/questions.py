"""Questions that the handlers answer: about a bucket, about specs. They run as processes of their own, as they would on a cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from localargo import Finding, InvalidInput, LocalArgoError, NotFound, Unavailable
from retrain.project.packaged import handlers_root

# as the steps of a run have it: threads that wait for each other cost more than they save
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
ERRORS: Mapping[int, type[LocalArgoError]] = {2: NotFound, 65: InvalidInput, 75: Unavailable, 78: InvalidInput}


class Undecided(InvalidInput):
    """A person's choice cannot be, or there is none where one is needed: another may do."""


def command(handler: str, *arguments: str) -> list[str]:
    """`python -m handlers.<handler>`; what else lies in the working directory is imported by nobody."""
    return [sys.executable, "-P", "-m", f"handlers.{handler}", *arguments]


def variables(more: Mapping[str, str]) -> dict[str, str]:
    """The environment of a handler, which has the handlers on its path."""
    path = [str(handlers_root()), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, **more, "PYTHONPATH": os.pathsep.join(path)}


def ask(bucket: Mapping[str, str], *arguments: str, output: str = "json", handler: str = "why") -> str:
    """What `python -m handlers.why ... -o json|text|shown` (or another handler) answers about the bucket that these variables name."""
    return _answer(handler, bucket, *arguments, "-o", output)


def profile(kind: str, names: Sequence[str], bucket: Mapping[str, str], output: str) -> str:
    """What `handlers.profile` answers about `files`, or about a `model` of the bucket that these variables name."""
    return _answer("profile", bucket, kind, *names, "-o", output)


def _answer(handler: str, bucket: Mapping[str, str], *arguments: str, errors: Mapping[int, type[LocalArgoError]] = ERRORS) -> str:
    asked = command(handler, *arguments)
    ended = subprocess.run(asked, capture_output=True, text=True, check=False, env=variables(bucket))
    if ended.returncode == 0:
        return ended.stdout
    raise errors.get(ended.returncode, LocalArgoError)(reason(ended.stderr).replace(f"python -m handlers.{handler}", "retrain"))


def check_specs(files: Sequence[Path]) -> list[Finding]:
    """What `handlers.check` finds in model specs."""
    if not files:
        return []
    asked = command("check", *map(str, files))
    ended = subprocess.run(asked, capture_output=True, text=True, check=False, env=variables({}))
    try:
        found = json.loads(ended.stdout)
    except ValueError:
        raise InvalidInput(f"handlers.check did not answer in JSON:\n{ended.stderr[-2000:]}") from None
    return [
        Finding(f.get("severity", "error"), f["file"], f.get("line", 0), f.get("path", ""), f["message"], f.get("hint", "")) for f in found
    ]


def new_spec(name: str, files: Sequence[Path], decided: Mapping[str, str]) -> dict[str, Any]:
    """The spec that `handlers.new` writes for files: {"text", "choices"}. `decided`: target, task, time and group, where a person says."""
    options = [word for option, value in decided.items() if value for word in (f"--{option}", value)]
    answer: dict[str, Any] = json.loads(_answer("new", {}, name, *map(str, files), *options, errors={**ERRORS, 2: Undecided}))
    return answer


def try_spec(spec: Path, files: Sequence[str], rows: int | None, output: str) -> tuple[int, str, str]:
    """Run a spec on local files, FILE or SOURCE=FILE: exit code, answer, and why it failed. As `text`, progress goes to standard error."""
    some = ["--rows", str(rows)] if rows else []
    asked = command("try_", str(spec), *files, *some, "-o", output)
    errors = subprocess.PIPE if output != "text" else None
    ended = subprocess.run(asked, check=False, stdout=subprocess.PIPE, stderr=errors, env=variables({**ONE_THREAD, **os.environ}))
    failed = reason(ended.stderr.decode(errors="replace")) if ended.returncode and ended.stderr else ""
    return ended.returncode, ended.stdout.decode(errors="replace"), failed


def own_file(name: str) -> list[str]:
    """The option that names the repository's file of a model of one's own; none where it has no such file."""
    code = Path("models", f"{name.rstrip('/').rpartition('/')[2].partition('@')[0]}.py")
    return ["--code", str(code)] if code.is_file() else []


def predictions(bucket: Mapping[str, str], name: str, files: Sequence[Path], out: Path | None, *, proba: bool, output: str) -> int:
    """Let `handlers.predict` predict with this process's own output; its exit code as a verb's. A model that a file of one's own has made
    needs the repository's file."""
    options = [
        *own_file(name),
        *(["--out", str(out)] if out else []),
        *(["--proba"] if proba else []),
        "-o",
        output,
    ]
    asked = command("predict", "--progress", name, *map(str, files), *options)
    ended = subprocess.run(asked, check=False, env=variables({**ONE_THREAD, **os.environ, **bucket}))
    known = ERRORS.get(ended.returncode)
    return known.exit_code if known else ended.returncode


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
