"""The report in Chromium: every task, light and dark, on a wide screen and on a telephone; nothing is fetched, nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from handlers.report.page import page
from tests import browser
from tests.handlers.report.reports import METRICS, of_task

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# of a colour on another, as WCAG measures it
CONTRAST = """
(text) => {
  const parts = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const light = (colour) => {
    const [r, g, b] = parts(colour).map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const card = getComputedStyle(text.closest('.card')).backgroundColor;
  const [a, b] = [light(getComputedStyle(text).fill), light(card)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
}
"""
# words of one drawing that lie on each other
COLLISIONS = """
() => [...document.querySelectorAll('figure svg')].flatMap((svg) => {
  const words = [...svg.querySelectorAll('text')].filter((t) => t.textContent.trim());
  const boxes = words.map((t) => t.getBoundingClientRect());
  const found = [];
  for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length; j++) {
    const [a, b] = [boxes[i], boxes[j]];
    const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (across > 1 && down > 3) found.push(`${svg.getAttribute('aria-label')}: ${words[i].textContent} | ${words[j].textContent}`);
  }
  return found;
})
"""
OUTSIDE = """
() => [...document.querySelectorAll('figure svg')].flatMap((svg) => {
  const frame = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].filter((t) => {
    const box = t.getBoundingClientRect();
    return box.left < frame.left - 1 || box.right > frame.right + 1;
  }).map((t) => `${svg.getAttribute('aria-label')}: ${t.textContent}`);
})
"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser.launched() as launched:
        yield launched


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    found = {}
    for task in METRICS:
        found[task] = folder / f"{task}.html"
        found[task].write_text(page(of_task(task)), encoding="utf-8")
    return found


def shown(opened: Page, path: Path) -> list[str]:
    """Open the file; what the page asked for beside itself."""
    asked: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(path.as_uri())
    return [url for url in asked if url != path.as_uri()]


@pytest.mark.parametrize(("task", "width", "scheme"), [*((task, 360, "dark") for task in METRICS), ("binary", 1280, "light")])
def test_a_report_can_be_read(chromium: Browser, reports: dict[str, Path], task: str, width: int, scheme: Literal["light", "dark"]) -> None:
    with browser.page(chromium, width, scheme) as opened:
        assert shown(opened, reports[task]) == [], "the page is one file"
        assert browser.barriers(opened) == []
        assert not browser.overflows(opened)
        assert opened.evaluate(COLLISIONS) == []
        assert opened.evaluate(OUTSIDE) == []
        words = opened.locator("figure svg text")
        assert words.count() > 20
        faint = {words.nth(n).text_content(): ratio for n in range(0, words.count(), 7) if (ratio := words.nth(n).evaluate(CONTRAST)) < 4.5}
        assert faint == {}


def test_links_lead_to_their_sections(chromium: Browser, reports: dict[str, Path]) -> None:
    with browser.page(chromium) as opened:
        shown(opened, reports["binary"])
        for link in opened.locator("nav a").all():
            target = opened.locator(f"[id='{(link.get_attribute('href') or '').removeprefix('#')}']")
            assert target.text_content() == link.text_content()
        for link in opened.locator(".facts a").all():
            assert opened.locator(f"h2[id='{(link.get_attribute('href') or '').removeprefix('#')}']").count() == 1
        assert opened.locator(".facts a").all_text_contents() == ["verdict"]
