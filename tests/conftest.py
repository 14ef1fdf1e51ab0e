"""What holds for every test."""

from __future__ import annotations

import signal

# A shell that runs the tests in the background ignores SIGINT, and whatever starts there inherits it: Ctrl-C could not be tried.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
