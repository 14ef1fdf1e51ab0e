"""What the installed product brings: the handlers, and the manifests that a project begins with.

A wheel has them in `retrain/packaged/`, which is on no import path: `handlers` is a name that other packages have too. An editable install
of a clone has the clone's own folders. Why: docs/decisions/0009-handlers-in-the-wheel.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import retrain

OURS: Final = Path("handlers/modelspec/code_digests.py")  # no other package of the name `handlers` has it
_HERE = Path(retrain.__file__).parent


def root() -> Path:
    """The folder with `handlers/`, `sensors/` and all the others, laid out as in a clone."""
    wheel = _HERE / "packaged"
    return wheel if wheel.is_dir() else _HERE.parent.parent


def handlers_root() -> Path:
    """The folder that `python -m handlers.<name>` imports from: the working directory where it has handlers of its own, as a clone has."""
    here = Path.cwd()
    return here if (here / OURS).is_file() else root()
