"""What the page of the model spec calls "not yet" is refused by name, and nothing else is."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from handlers.modelspec import yaml12
from handlers.modelspec.parse import read
from tests.docs.pages import DOCS, ROOT

# key on the page: (where in the spec, a value that it asks for)
REFUSED: dict[str, tuple[str, Any]] = {
    "promote.slices": ("promote.slices", {"max_loss": 0.1}),
    "promote.slices.max_loss": ("promote.slices", {"max_loss": 0.2}),
    "promote.slices.confidence": ("promote.slices", {"max_loss": 0.1, "confidence": 0.8}),
    "promote.refit": ("promote.refit", "all"),
    "promote.approval": ("promote.approval", "manual"),
    "resources": ("resources.fetch", {"cpu": 1}),
    "resources.<stage>.parallel": ("resources.train", {"parallel": 2}),
}


def findings(where: str = "", value: Any = None) -> list[str]:
    tree: Any = yaml12.load((ROOT / "models" / "flight-delay.yaml").read_text(encoding="utf-8"))
    *above, last = where.split(".")
    here = tree["spec"]
    for name in above if where else ():
        here = here.setdefault(name, {})
    if where:
        here[last] = value
    return [str(found) for found in read(json.dumps(tree), "spec")[1]]


def test_the_page_names_what_is_refused() -> None:
    page = (DOCS / "reference" / "model-spec.md").read_text(encoding="utf-8")
    marked = re.findall(r"^\| `([a-z_.<>]+)` \|.*\*\*not yet\*\*", page, re.MULTILINE)
    assert set(marked) == set(REFUSED)


@pytest.mark.parametrize("key", REFUSED)
def test_it_is_refused_by_name(key: str) -> None:
    found = findings(*REFUSED[key])
    assert any("not supported yet" in line for line in found), found


def test_without_it_the_spec_is_taken() -> None:
    assert findings() == []
