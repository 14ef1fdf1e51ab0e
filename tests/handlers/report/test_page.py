"""The page stands alone, says the verdict first and lets no text become markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from handlers.report.page import Facts, page
from handlers.report.run_report import parse_failures

EVIL = "<script>alert(1)</script>{{workflow.name}}&\"'><img src=x onerror=alert(1)>"


def interval(value: float | None) -> dict[str, Any]:
    if value is None:
        return {"value": None, "se": None, "low": None, "high": None, "confidence": 0.95, "clusters": 1, "rows": 3}
    return {"value": value, "se": 0.01, "low": value - 0.02, "high": value + 0.02, "confidence": 0.95, "clusters": 14, "rows": 12000}


def trial(name: str, value: float, note: str = "l2") -> dict[str, Any]:
    lines = [{"epoch": e, "valid": {"roc_auc": value + e / 100}, "train": {"roc_auc": value + e / 90}} for e in range(1, 9)]
    valid = {"roc_auc": interval(value), "log_loss": interval(0.5)}
    return {"trial": name, "params": {"alpha": 1e-05, "penalty": note}, "valid": valid, "epochs": 8, "seconds": 3.21, "curve": lines}


def whole(text: str = "plain") -> Facts:
    verdict = {
        "metric": "roc_auc",
        "winner": {"trial": "aaaa"},
        "gate": {"at_least": 0.6},
        "metrics": {
            "roc_auc": {"challenger": interval(0.667), "champion": interval(0.65), "difference": interval(0.017)},
            "log_loss": {"challenger": interval(0.46), "champion": interval(0.47), "difference": interval(0.01)},
        },
        "baseline": {"name": "majority", "values": {"roc_auc": 0.5, "log_loss": 0.49}},
        "compared": f"12,345 rows; {text}",
    }
    return Facts(
        model="flight-delay",
        run="retrain-flight-delay-1",
        status="Succeeded",
        outcome="promoted",
        reason=text,
        verdict=verdict,
        trials=[trial("aaaa", 0.65, text), trial("bbbb", 0.64)],
        roc={"challenger": [(0.0, 0.0), (0.2, 0.5), (1.0, 1.0)], "champion": [(0.0, 0.0), (0.3, 0.5), (1.0, 1.0)]},
        data=[("train", text)],
        decides=[("positive", text)],
        features=[(text, "0.1 ± 0.01")],
        failures=[{"displayName": text, "phase": "Failed", "message": text}],
        spec=text,
        select_by="roc_auc",
        champion_trial="bbbb",
        at="2013-05-01 00:00:00 UTC",
    )


class Shape(HTMLParser):
    """The tags of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_one_file_and_small() -> None:
    text = page(whole())
    shape = Shape(text)
    assert shape.open == []
    assert len(text) < 400_000
    names = [tag for tag, _ in shape.tags]
    assert names.count("svg") == 3
    assert not {"script", "link", "img", "iframe", "object"} & set(names)
    addresses = set(re.findall(r"https?://[^\"'\s)]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert not [attrs for _, attrs in shape.tags if any(name.startswith("on") or name in ("src", "href") for name in attrs)]


def test_the_verdict_comes_first() -> None:
    text = page(whole("because it is better"))
    assert text.index("Promoted") < text.index("because it is better") < text.index("On test") < text.index("Trials")
    assert "0.6670 <small>[0.6470, 0.6870]</small>" in text
    assert "baseline (majority)" in text


def test_winner_and_champion_are_marked() -> None:
    text = page(whole())
    assert re.search(r"<code>aaaa</code><span class=tag>winner</span>", text)
    assert re.search(r"<code>bbbb</code><span class='tag champion'>champion</span>", text)


def test_no_text_becomes_markup() -> None:
    text = page(whole(EVIL))
    names = [tag for tag, _ in Shape(text).tags]
    assert "script" not in names
    assert "img" not in names
    assert text.count("&lt;script&gt;") >= 6


@pytest.mark.parametrize(
    ("outcome", "word"), [("failed", "Failed"), ("already-trained", "Already trained"), ("", "Not finished"), ("odd", "Odd")]
)
def test_a_run_that_judged_nothing_has_a_page_too(outcome: str, word: str) -> None:
    text = page(Facts("m", "r", "Failed", outcome, "step fetch failed"))
    assert f"<b>{word}</b>" in text
    assert "svg" not in [tag for tag, _ in Shape(text).tags]


def test_undefined_metrics_are_a_dash() -> None:
    verdict = {"metric": "roc_auc", "metrics": {"roc_auc": {"challenger": interval(None)}}}
    assert "<td class=n>–</td>" in page(Facts("m", "r", "Succeeded", "refused", "", verdict))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("null", []),
        ('"null"', []),
        ('"[{\\"displayName\\": \\"train(0)\\"}]"', [{"displayName": "train(0)"}]),
        ('[{"displayName": "x"}, 3]', [{"displayName": "x"}]),
        ("{{workflow.failures}}", [{"message": "{{workflow.failures}}"}]),
    ],
)
def test_what_the_engine_says_of_failures(text: str, found: list[Any]) -> None:
    assert parse_failures(text) == found


def test_each_class_has_a_row_of_both_models() -> None:
    scores = {"precision": 0.25, "recall": None, "f1": 0.5}
    found = page(
        Facts("m", "r", "Succeeded", "promoted", "why", verdict={"classes": [{"class": "<late>", "rows": 1200, "challenger": scores}]})
    )
    assert "By class on test" in found and "&lt;late&gt;" in found and "0.2500" in found and "champion" not in found.split("By class")[1]
    both = {"class": "late", "rows": 3, "challenger": scores, "champion": scores}
    assert "recall, champion" in page(Facts("m", "r", "Succeeded", "promoted", "why", verdict={"classes": [both]}))
