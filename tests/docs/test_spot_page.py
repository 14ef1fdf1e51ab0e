"""The page about spot machines: its rules are those that `up` takes, its spec is taken, its components are there."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from handlers.modelspec import yaml12
from handlers.modelspec.parse import read
from handlers.preempted import rule
from retrain.cli.engine.up import up
from retrain.project.preempt import is_rule
from tests.docs.pages import DOCS, blocks
from tests.manifests.installs import COMPONENTS, ROOT

PAGE = DOCS / "howto" / "train-on-spot.md"
TEXT = PAGE.read_text(encoding="utf-8")
RULES = re.findall(r"^\| `((?:every|at batch) [^`]+)` \|", TEXT, re.MULTILINE)


def test_the_page_has_rules() -> None:
    assert len(RULES) == 4


@pytest.mark.parametrize("text", [*RULES, *re.findall(r"--preempt '([^']+)'", TEXT)])
def test_a_rule_of_the_page_is_taken_by_the_command_and_by_the_handlers(text: str) -> None:
    assert is_rule(text)
    assert rule(f"{text}; attempt 0") == rule(text)


@pytest.mark.parametrize("text", ["every", "at batch 0", "every 20s die", "every 20s; attempt 1"])
def test_what_is_no_rule_is_refused_before_anything_starts(text: str) -> None:
    done = CliRunner().invoke(up, ["--preempt", text])
    assert done.exit_code == 2
    assert "is no rule; accepted: every 20s, at batch 7" in done.output


def test_the_spec_of_the_page_is_taken() -> None:
    (block,) = [each.text for each in blocks(PAGE) if each.language == "yaml"]
    tree: Any = yaml12.load((ROOT / "models" / "flight-delay.yaml").read_text(encoding="utf-8"))
    tree["spec"] |= yaml.safe_load(block)
    assert read(json.dumps(tree), "spec")[1] == []


def test_the_components_of_the_page_are_there() -> None:
    assert set(re.findall(r"components/([a-z-]+)", TEXT)) <= set(COMPONENTS)


def test_the_figures_of_the_page_are_those_that_were_simulated() -> None:
    found = json.loads((ROOT / "benchmarks" / "results" / "preemption.json").read_text(encoding="utf-8"))
    assert found["same_models"]
    assert found["redone"] <= 0.03
    assert 3 <= found["cheaper"] <= 4
    taken, hours, bill = found["interruptions"], found["hours"], found["bill"]
    for row in (
        f"| machines taken | none | {taken['told']} told, {taken['silent']} without a word |",
        f"| batches learned twice | none | {found['redone'] * 100:.2f} % |",
        f"| machine hours paid | {hours['on_demand']} | {hours['spot']} |",
        f"| bill | {bill['on_demand']} | {bill['spot']} ({found['cheaper']} times lower) |",
    ):
        assert row in TEXT
    machines = found["machines"]
    assert f"costs {machines['spot']} an hour in place of {machines['on_demand']}" in TEXT
