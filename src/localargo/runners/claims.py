"""Claims created for one Workflow and deleted with it; files beside the folders of the claims name their owners."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

from localargo.runners.podfolder import remove_tree

OWNERS = ".owners"
GONE = ".gone"


def mark(claims: Path, claim: str, owner: str) -> None:
    """Record that the claim is deleted with the Workflow of this uid. Contents left by another Workflow of the same name are put aside."""
    name = claims / OWNERS / claim
    name.parent.mkdir(parents=True, exist_ok=True)
    if name.exists() and name.read_text() != owner:
        _put_aside(claims, claim)
    name.write_text(owner)


def put_aside(claims: Path, unwanted: Callable[[str], bool]) -> None:
    """Rename the claims of unwanted owners at once; `sweep` deletes them."""
    for name in list((claims / OWNERS).iterdir()) if (claims / OWNERS).exists() else ():
        if unwanted(name.read_text()):
            _put_aside(claims, name.name)
            name.unlink()


def sweep(claims: Path) -> None:
    """Delete what was put aside."""
    remove_tree(claims / GONE)


def _put_aside(claims: Path, claim: str) -> None:
    (claims / GONE).mkdir(exist_ok=True)
    if (claims / claim).exists():
        (claims / claim).rename(claims / GONE / uuid.uuid4().hex)
