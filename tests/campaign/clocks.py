"""The clock of a process moved by Debian's libfaketime (`apt-get install faketime`)."""

from __future__ import annotations

from pathlib import Path

LIBRARY = "faketime/libfaketimeMT.so.1"
# with a true monotonic clock the library answers EINVAL to what time.sleep calls
SLEEP = "import threading, time\n\ntime.sleep = lambda seconds: threading.Event().wait(seconds) and None\n"


def library() -> Path | None:
    """The library, None where it is not installed."""
    return next((path for folder in ("/usr/lib", "/usr/local/lib") for path in Path(folder).glob(f"*/{LIBRARY}")), None)


def ahead(seconds: int, modules: Path) -> dict[str, str]:
    """The variables with which a Python process that imports from `modules` has a clock so many seconds ahead; how long things take stays
    true. Raises FileNotFoundError without the library."""
    found = library()
    if found is None:
        raise FileNotFoundError(f"{LIBRARY} is not installed; it moves a clock: apt-get install faketime")
    (modules / "sitecustomize.py").write_text(SLEEP, encoding="utf-8")
    return {"LD_PRELOAD": str(found), "FAKETIME": f"+{seconds}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}
