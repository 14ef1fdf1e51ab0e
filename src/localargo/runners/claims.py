"""Claims that were made for one Workflow and go with it: beside the folders of the claims lie files that name their owners."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

from localargo.runners.podfolder import remove_tree

OWNERS = ".owners"
GONE = ".gone"


def mark(claims: Path, claim: str, owner: str) -> None:
    """The claim's folder goes with the Workflow of this uid. What an earlier Workflow of the same name left in it is put aside."""
    name = claims / OWNERS / claim
    name.parent.mkdir(parents=True, exist_ok=True)
    if name.exists() and name.read_text() != owner:
        _put_aside(claims, claim)
    name.write_text(owner)


def put_aside(claims: Path, unwanted: Callable[[str], bool]) -> None:
    """Take the claims of those owners out of the way, at once; `sweep` removes them."""
    for name in list((claims / OWNERS).iterdir()) if (claims / OWNERS).exists() else ():
        if unwanted(name.read_text()):
            _put_aside(claims, name.name)
            name.unlink()


def sweep(claims: Path) -> None:
    """Remove what was put aside."""
    remove_tree(claims / GONE)


def _put_aside(claims: Path, claim: str) -> None:
    (claims / GONE).mkdir(exist_ok=True)
    if (claims / claim).exists():
        (claims / claim).rename(claims / GONE / uuid.uuid4().hex)
