"""What a bucket does to those who use it while a scenario is played."""

from __future__ import annotations

import threading

from tests.campaign.proxy import Faults, Proxy

KINDS = {
    "quiet": Faults(),
    "away": Faults(away=True),
    "throttles": Faults(throttled=0.15),
    "loses answers": Faults(lost=0.3),
    "cuts answers": Faults(cut=0.1),
    "is slow": Faults(latency=0.3),
    "everything": Faults(throttled=0.05, lost=0.1, cut=0.05, latency=0.1),
}


class Weather(threading.Thread):
    """One kind of trouble: from so many seconds after the start on for so many, or until it is told to end."""

    def __init__(self, proxy: Proxy, kind: str, after: float = 0.0, seconds: float | None = None) -> None:
        super().__init__(daemon=True)
        self.proxy = proxy
        self._kind = kind
        self._after = after
        self._seconds = seconds
        self._enough = threading.Event()

    @property
    def over(self) -> bool:
        """An outage has an end; what is bad all the time is played until the site has come to rest in it."""
        return self._seconds is not None and not self.is_alive()

    @property
    def counted(self) -> dict[str, int]:
        return {what: count for what, count in sorted(self.proxy.met.items()) if count}

    def run(self) -> None:
        if not self._enough.wait(self._after):
            with self.proxy.failing(KINDS[self._kind]):
                self._enough.wait(self._seconds)

    def end(self) -> None:
        if self._seconds is None:
            self._enough.set()
        self.join()
