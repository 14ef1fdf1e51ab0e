"""The checks of pages find what they are there for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests import browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser

GOOD = "<!doctype html><html lang=en><title>Runs</title><main><h1>Runs</h1><p>None yet.</p></main></html>"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser.launched() as launched:
        yield launched


def test_a_plain_page_has_no_barriers_and_fits(chromium: Browser) -> None:
    with browser.page(chromium, width=360) as opened:
        opened.set_content(GOOD)
        assert browser.barriers(opened) == []
        assert not browser.overflows(opened)


def test_grey_on_grey_and_a_picture_without_words_are_barriers(chromium: Browser) -> None:
    with browser.page(chromium) as opened:
        opened.set_content(GOOD.replace("None yet.", '<span style="color:#aaa">faint</span><img src="data:,">'))
        assert [line.split(":")[0] for line in browser.barriers(opened)] == ["color-contrast", "image-alt"]


def test_a_page_wider_than_its_window_is_seen(chromium: Browser) -> None:
    with browser.page(chromium, width=360) as opened:
        opened.set_content(GOOD.replace("None yet.", '<span style="display:block;width:500px">wide</span>'))
        assert browser.overflows(opened)


def test_a_script_that_throws_fails_the_test(chromium: Browser) -> None:
    with pytest.raises(AssertionError, match="nobody home"), browser.page(chromium) as opened:
        opened.set_content(GOOD + "<script>throw new Error('nobody home')</script>")
        opened.wait_for_function("true")
