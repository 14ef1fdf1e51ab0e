"""The disk of a site's state folder is full for a while."""

from __future__ import annotations

import threading
from pathlib import Path

from tests.small_disk import fill


class FullDisk(threading.Thread):
    """Full from so many seconds after the start on, for so many."""

    over = False

    def __init__(self, folder: Path, after: float, seconds: float) -> None:
        super().__init__(daemon=True)
        self.counted: dict[str, int] = {}
        self._folder = folder
        self._after = after
        self._seconds = seconds
        self._enough = threading.Event()

    def run(self) -> None:
        if not self._enough.wait(self._after):
            filler = fill(self._folder)
            self.counted["MiB that filled the disk"] = filler.stat().st_size >> 20
            self._enough.wait(self._seconds)
            filler.unlink()
        self.over = True

    def end(self) -> None:
        """There is space again when this returns, after all the seconds have passed."""
        self.join()
