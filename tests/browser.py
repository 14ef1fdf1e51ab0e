"""A real browser for the tests of pages: Debian's Chromium, driven by Playwright, and axe for what a screen reader stumbles over."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

WHY = "no Chromium here: install it (apt-get install chromium) to try the pages in a browser"
NAMES = ("chromium", "chromium-browser", "google-chrome")
GRAVE = ("serious", "critical")


@contextmanager
def launched() -> Iterator[Browser]:
    """The browser, as long as the block lasts. asyncio.run does not work in this thread meanwhile: start servers before.

    Without a Chromium the test is skipped; in CI, where it must be, the test fails.
    """
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(WHY)
        pytest.skip(WHY)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # root may not use Chromium's sandbox; the pages are this project's own
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu", "--disable-quic"])
        yield browser
        browser.close()


@contextmanager
def page(browser: Browser, width: int = 1280, scheme: Literal["light", "dark"] = "light") -> Iterator[Page]:
    """A page in a context of its own; what the page's script throws or logs as an error fails the test.

    Args:
        browser: The browser of `launched`.
        width: Of the window, in CSS pixels; it is 900 high.
        scheme: The colours that the reader's system prefers.
    """
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    yield opened
    context.close()
    assert not wrong, wrong


def barriers(opened: Page) -> list[str]:
    """What axe calls serious or critical on this page: a line each, with the rule and the element."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(opened).response["violations"]
    return [f"{rule['id']}: {node['html'][:120]} ({rule['help']})" for rule in found if rule["impact"] in GRAVE for node in rule["nodes"]]


def overflows(opened: Page) -> bool:
    """Whether the page is wider than its window."""
    return bool(opened.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def screenshot(opened: Page, path: Path) -> None:
    """Write the whole page as a PNG."""
    opened.screenshot(path=path, full_page=True)
