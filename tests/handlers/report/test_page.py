"""The page stands alone, says the verdict first and lets no text become markup."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from handlers.report import charts
from handlers.report.facts import Facts
from handlers.report.page import page
from handlers.report.run_report import parse_failures
from handlers.report.told_of_run import stated
from tests.handlers.report.reports import METRICS, of_task

EVIL = "<script>alert(1)</script>{{workflow.name}}&\"'><img src=x onerror=alert(1)>"


def interval(value: float | None) -> dict[str, Any]:
    if value is None:
        return {"value": None, "se": None, "low": None, "high": None, "confidence": 0.95, "clusters": 1, "rows": 3}
    return {"value": value, "se": 0.01, "low": value - 0.02, "high": value + 0.02, "confidence": 0.95, "clusters": 14, "rows": 12000}


def trial(name: str, value: float, note: str = "l2") -> dict[str, Any]:
    lines = [{"epoch": e, "valid": {"roc_auc": value + e / 100}, "train": {"roc_auc": value + e / 90}} for e in range(1, 9)]
    valid = {"roc_auc": interval(value), "log_loss": interval(0.5)}
    return {
        "trial": name,
        "params": {"alpha": 1e-05, "penalty": note},
        "value": value,
        "valid": valid,
        "epochs": 8,
        "seconds": 3.21,
        "curve": lines,
    }


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
        importance={"metric": "roc_auc", "rows": 300, "features": [{"feature": text, "loss": 0.1, "spread": 0.01}]},
        again=[(f"retrain why {text}", text)],
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
    names = [tag for tag, _ in shape.tags]
    assert names.count("svg") == 4
    assert not {"script", "link", "img", "iframe", "object"} & set(names)
    addresses = set(re.findall(r"https?://[^\"'\s)]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert not [attrs for _, attrs in shape.tags if any(name.startswith("on") or name == "src" for name in attrs)]
    assert all(str(attrs.get("href", "#")).startswith("#") for _, attrs in shape.tags), "links lead to places on the page"


def test_many_trials_and_epochs_leave_the_page_small() -> None:
    many = of_task("binary", trials=1500)
    long = [{**each, "curve": each["curve"] * 25} for each in many.trials]
    text = page(replace(many, trials=long))
    assert len(text.encode()) < 1_000_000
    assert "1,300 more trials" in text


def test_what_go_adds_to_times_is_not_shown() -> None:
    text = page(of_task("regression"))
    assert "m=+" not in text and "an upload at 2013-03-01 00:00:00 +0000 UTC:" in text


@pytest.mark.parametrize(
    ("task", "titles"),
    [
        ("binary", ("ROC", "Precision and recall", "Threshold", "Calibration", "Confusion matrix, challenger")),
        ("multiclass", ("ROC of each class", "Calibration", "Confusion matrix, champion")),
        ("regression", ("Predicted against actual", "Residuals")),
        ("ranking", ("Relevance by place",)),
    ],
)
def test_each_task_has_the_pictures_that_people_look_for(task: str, titles: tuple[str, ...]) -> None:
    text = page(of_task(task))
    for title in (*titles, "Parameters and score", f"{METRICS[task][0]} on valid by epoch", "On test, one after another"):
        assert f"<h3>{title}</h3>" in text
    for title in ("What each feature is worth", "Slices", "Columns of train", "Champions", "Code and versions", "How to reproduce"):
        assert f">{title}</h2>" in text
    assert "moved far" in text


@pytest.mark.parametrize(
    ("last", "labels"),
    [(2, "1 2"), (3, "1 2 3"), (8, "1 3 5 7"), (9, "1 3 5 7 9"), (100, "1 27 53 79")],
)
def test_epochs_are_whole_numbers(last: int, labels: str) -> None:
    curve = [{"epoch": n, "valid": {"rmse": 1 / n}} for n in range(1, last + 1)]
    words = re.findall(r"<text[^>]*>([^<]*)</text>", charts.learning({"a": curve}, "rmse", "a"))
    assert words[: words.index("epoch")] == labels.split()


def test_the_verdict_comes_first() -> None:
    text = page(whole("because it is better"))
    assert text.index("Promoted") < text.index("because it is better") < text.index("On test") < text.index("Trials")
    assert "0.6670 <small>[0.6470, 0.6870]</small>" in text
    assert "baseline (majority)" in text


def test_a_model_that_is_worse_than_its_baseline_is_marked_in_the_first_lines() -> None:
    verdict = {"metric": "mae", "metrics": {"mae": {"challenger": interval(24.3)}}, "baseline": {"name": "median", "values": {"mae": 23.5}}}
    told = "Worse than the baseline (median): mae 24.30 (23.50)."
    assert told in page(Facts("m", "r", "Succeeded", "promoted", "", verdict))
    verdict["baseline"] = {"name": "median", "values": {"mae": 25.0}}
    assert "Worse than" not in page(Facts("m", "r", "Succeeded", "promoted", "", verdict))


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


def test_a_spec_without_csv_files_has_no_options_of_them() -> None:
    sources = {"a": {"format": "parquet", "csv": {"delimiter": ","}}, "b": {"format": "csv", "csv": {"delimiter": ";"}}}
    assert stated({"sources": sources, "empty": {}}) == {"sources": {"a": {"format": "parquet"}, "b": sources["b"]}}
