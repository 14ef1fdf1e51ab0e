"""What a bucket does to those who use it, one kind of trouble after the other."""

from __future__ import annotations

import threading
import time

from tests.campaign.proxy import Faults, Proxy

KINDS = {
    "away": Faults(away=True),
    "throttles": Faults(throttled=0.15),
    "loses answers": Faults(lost=0.3),
    "cuts answers": Faults(cut=0.1),
    "is slow": Faults(latency=0.3),
    "all but away": Faults(throttled=0.05, lost=0.1, cut=0.05, latency=0.1),
}


class Weather(threading.Thread):
    """Each kind for so many seconds, in their order; then none."""

    def __init__(self, proxy: Proxy, kinds: list[str], seconds: float) -> None:
        super().__init__(daemon=True)
        self.proxy = proxy
        self.over = False
        self._kinds = kinds
        self._seconds = seconds

    @property
    def counted(self) -> dict[str, int]:
        return dict(self.proxy.met)

    def run(self) -> None:
        for kind in self._kinds:
            with self.proxy.failing(KINDS[kind]):
                time.sleep(self._seconds)
        self.over = True

    def end(self) -> None:
        """Every kind has its time, whatever the site does."""
        self.join()
