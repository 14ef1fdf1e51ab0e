"""Why a step failed, kept in the bucket by the step itself: a pod and its log are removed minutes later.

`runs/<model>/<run>/failures/<step>-<digest>.json`, one for each call of a step, written whole; a step that is tried again leaves its last
reason. A step that succeeded in the end may have left one too: whether a step failed is for the workflow to say.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from handlers.storage import Store, digest, open_store, read_json, write_json

NAME = re.compile(r"[a-z0-9][-a-z0-9.]{0,252}")
LONGEST = 4000  # characters of a message that are kept
SHOWN = 20  # reasons that are read of one run: hundreds of trials may fail for one reason
# what the workflow calls the steps of handlers that have several
CALLED = {
    "spec": "fetch-spec",
    "settle": "fetch-look",
    "fetch": "fetch-snapshot",
    "make": "transform-make",
    "promote": "promote-judge",
    "rounds": "grid-next",
}


def keep(words: Sequence[str], error: str, message: str, exit_code: int) -> str:
    """Write down why the step that was called with these words failed. "" where that is done or the call belongs to no run; else why not.

    The bucket may be what failed: it is asked once, for a few seconds.
    """
    options = {word: value for word, value in pairwise(words) if word.startswith("--")}
    model, run = options.get("--model", ""), options.get("--run", "")
    if not NAME.fullmatch(model) or not NAME.fullmatch(run):
        return ""
    step = "-".join([Path(sys.argv[0]).stem, *(word for word in words[:1] if not word.startswith("-"))])
    # where outputs go differs from attempt to attempt
    asked = sorted((name, value) for name, value in options.items() if not name.endswith("-out"))
    document = {"step": step, "error": error, "message": message[:LONGEST], "exit_code": exit_code, "at": time.time()}
    try:
        write_json(open_store(patient=False), f"{folder(model, run)}{step}-{digest(asked)}.json", document)
    except Exception as why:  # the step's own error counts, whatever happens to its record
        return f"{type(why).__name__}: {why}"
    return ""


def folder(model: str, run: str) -> str:
    return f"runs/{model}/{run}/failures/"


def of_run(store: Store, model: str, run: str) -> list[dict[str, Any]]:
    """The reasons that the steps of a run have left, the first first; at most SHOWN."""
    keys = sorted(store.list(folder(model, run)), key=lambda info: info.modified)[:SHOWN]
    found: list[dict[str, Any]] = [read_json(store, info.key) for info in keys]
    return sorted(found, key=lambda each: float(each["at"]))


def of_step(found: Sequence[dict[str, Any]], step: str) -> dict[str, Any] | None:
    """The last reason of a step, by the workflow's name for it; a step that fans out has parts whose names begin with its own."""
    name = CALLED.get(step, step)
    others = set(CALLED.values()) - {name}
    mine = [each for each in found if each["step"] == name or (str(each["step"]).startswith(f"{name}-") and each["step"] not in others)]
    return mine[-1] if mine else None
