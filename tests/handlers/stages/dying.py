"""A bucket that takes the process with it."""

from __future__ import annotations

from handlers.storage import FolderStore


class Killed(BaseException):
    """The process is gone at this write."""


class Dying(FolderStore):
    """A bucket that takes the process with it at its n-th write: before it, or just after."""

    left = 0
    after = False

    def put(self, key: str, data: bytes, *, if_none_match: bool = False, if_match: str | None = None) -> str:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise Killed(key)
        etag = super().put(key, data, if_none_match=if_none_match, if_match=if_match)
        if self.left == 0:
            raise Killed(key)
        return etag
