from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from retrain.page.drawing import graph, lines, parallel
from retrain.page.drawing.graph import Box
from retrain.page.drawing.lines import Line, Point
from retrain.page.drawing.scales import Scale, ticks

NUMBERS = st.floats(-1e6, 1e6)


@given(NUMBERS, st.floats(1e-6, 1e6))
def test_ticks_are_few_and_within(low: float, wide: float) -> None:
    found = ticks(low, low + wide)
    assert len(found) <= 8
    assert all(low - wide * 1e-6 <= value <= low + wide * (1 + 1e-6) for value in found)


def test_a_scale_by_logarithms_puts_the_middle_in_the_middle() -> None:
    assert Scale(0.0001, 0.01, 0, 100, log=True).at(0.001) == 50
    assert Scale(3, 3, 0, 100).at(3) == 50


def test_a_chart_is_well_formed_whatever_its_names_are() -> None:
    drawn = lines.chart([Line('<b>&"', [Point(1, 0.5, 0.4, 0.6, "<i>"), Point(2, 0.7)])], '<"&', "<x>", "<y>")
    tree = ElementTree.fromstring(drawn)
    assert tree.get("aria-label") == '<"&'
    assert [each.text for each in tree.iter("title")] == ['<b>&"', "<i>"]
    assert len(list(tree.iter("polyline"))) == 1
    assert lines.chart([Line("none", [])], "", "", "") == ""


def test_parallel_coordinates_have_an_axis_for_each_parameter_that_varies() -> None:
    trials: list[dict[str, Any]] = [
        {"trial": "a", "params": {"alpha": 0.1, "loss": "log", "same": 1}, "value": 0.8},
        {"trial": "b", "params": {"alpha": 0.001, "loss": "hinge", "same": 1}, "value": 0.7},
        {"trial": "c", "params": {"alpha": 0.01, "loss": "log", "same": 1}, "value": None},
    ]
    tree = ElementTree.fromstring(parallel.chart(trials, "roc_auc", "a", "label"))
    assert [each.text for each in tree.iter("text") if "axis" in str(each.get("class"))] == ["alpha", "loss", "roc_auc"]
    assert [each.get("data-name") for each in tree.iter("g") if each.get("data-name")] == ["b", "a"]
    assert parallel.chart(trials[:1], "roc_auc", "a", "label") == ""


def test_a_task_stands_right_of_all_that_it_waits_for_and_one_line_leads_from_each() -> None:
    boxes = [Box(name, name, "Succeeded") for name in ("fetch", "grid", "train", "promote")]
    after = {"grid": ["fetch"], "train": ["grid", "fetch"], "promote": ["train"]}
    tree = ElementTree.fromstring(graph.chart(boxes, after, "steps"))
    assert [rect.get("x") for rect in tree.iter("rect")] == ["6", "172", "338", "504"]
    assert len(list(tree.iter("path"))) == 3
