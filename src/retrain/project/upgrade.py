"""Which files of a project a new release changes: each is compared with what the project was given last and with what is there now."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from retrain.project.brought import RECORD, digest, record
from retrain.project.files import write

Kind = Literal["new", "changed", "gone", "edited"]


@dataclass(frozen=True, slots=True)
class Change:
    """A file that a release brings or takes. `edited`: somebody has changed it, too. `now`, `fresh`: None where there is none."""

    path: str
    kind: Kind
    now: str | None
    fresh: str | None

    def shown(self) -> str:
        """The difference that taking the release's file makes, as `diff -u` writes it."""
        old, new = ((text or "").splitlines(keepends=True) for text in (self.now, self.fresh))
        before, after = (f"{side}/{self.path}" if text is not None else "/dev/null" for side, text in (("a", self.now), ("b", self.fresh)))
        told = difflib.unified_diff(old, new, before, after)
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in told)


def changes(recorded: Mapping[str, str], now: Mapping[str, str], fresh: Mapping[str, str]) -> Iterator[Change]:
    """`recorded`: the digest of each file that the project was given last; `now`: the texts that are there; `fresh`: those of the release.

    Where the release has nothing new, what a person has made of a file stays and is no change.
    """
    for path in sorted({*recorded, *fresh}):
        given, have, want = recorded.get(path), now.get(path), fresh.get(path)
        if have == want or (want is not None and given == digest(want)):
            continue
        if have is None:
            kind: Kind = "new" if given is None else "edited"  # removed by a person, and changed by the release
        elif given != digest(have):
            kind = "edited"
        else:
            kind = "changed" if want is not None else "gone"
        if want is not None or have is not None:
            yield Change(path, kind, have, want)


def texts(folder: Path, paths: Iterable[str]) -> dict[str, str]:
    """The text of those files that are there."""
    files = {path: folder / path for path in paths}
    return {path: file.read_text(encoding="utf-8", errors="surrogateescape") for path, file in files.items() if file.is_file()}


def carry_out(folder: Path, wanted: Iterable[Change], fresh: Mapping[str, str]) -> None:
    """Each file whole or not at all, the record last: after a crash the same command goes on."""
    for change in wanted:
        if change.fresh is not None:
            write(folder / change.path, change.fresh)
        else:
            (folder / change.path).unlink(missing_ok=True)
    write(folder / RECORD, record(fresh))
