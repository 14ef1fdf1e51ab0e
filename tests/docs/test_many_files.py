"""The page about many files: what it writes is what a spec may have, and its numbers are those of the code."""

from __future__ import annotations

import json

import pytest

from handlers import workers
from handlers.data import making, shares
from handlers.modelspec import yaml12
from handlers.modelspec.parse import load
from handlers.runs import batches
from tests.docs.pages import DOCS, blocks
from tests.handlers.stages.world import SPEC
from tests.manifests.installs import named, rendered

PAGE = DOCS / "howto" / "many-files.md"


def test_the_page_s_spec_is_taken() -> None:
    _, block = (block for block in blocks(PAGE) if block.language == "yaml")
    spec = load(json.dumps({**SPEC, **yaml12.load(block.text), "name": "late", "sql": None}))
    assert batches.parallel(spec) == 8


def test_the_page_s_resources_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "allowed", lambda: workers.Allowed(16, 64 << 30))
    block, _ = (block for block in blocks(PAGE) if block.language == "yaml")
    spec = load(json.dumps({**SPEC, **yaml12.load(block.text), "name": "late", "sql": None}))
    assert making.may_use(spec) == workers.Allowed(4, 3 << 30)


def test_the_page_s_numbers_are_those_of_the_code() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for size in (making.PROCESS_BYTES, making.WORTH_BYTES, batches.LEAST_BYTES):
        assert f"{size >> 20} MiB" in text
    assert f"of {making.POD_BYTES >> 30} GiB" in text
    assert f"at most {shares.SMALL_BYTES >> 10} KiB" in text
    assert f"Fewer than {shares.LEAST} small neighbours" in text
    assert f"one\nobject in {shares.ABOUT} ends a share" in text


def test_without_a_cgroup_a_pod_has_what_its_template_says() -> None:
    templates = named(rendered("overlays/laptop"), "WorkflowTemplate", "transform")["spec"]["templates"]
    limits = {template["name"]: {p["name"]: p.get("value") for p in template["inputs"]["parameters"]}["limit"] for template in templates}
    assert limits == dict.fromkeys(("transform", "make"), f"{making.POD_BYTES >> 30}Gi")
