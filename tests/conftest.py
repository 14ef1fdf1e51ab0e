"""What holds for every test."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests import browser, torch_installed

if TYPE_CHECKING:
    from localargo.bucket.seaweedfs import SeaweedFS

# A shell that runs the tests in the background ignores SIGINT, and whatever starts there inherits it: Ctrl-C could not be tried.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says how busy the machine is, nothing about the code.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    """A real S3 server for the tests of a module."""
    from localargo.bucket.seaweedfs import SeaweedFS

    made = SeaweedFS(tmp_path_factory.mktemp("server"), "retrain", "RETRAIN_BUCKET")
    asyncio.run(made.start())
    yield made
    asyncio.run(made.abandon())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly what was not tried here."""
    skipped = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", ())]
    for what, why in (("torch", torch_installed.WHY), ("browser", browser.WHY)):
        if count := sum(why in reason for reason in skipped):
            terminalreporter.section(what, sep="!", yellow=True, bold=True)
            terminalreporter.line(f"{count} tests were SKIPPED: {why}", yellow=True, bold=True)
