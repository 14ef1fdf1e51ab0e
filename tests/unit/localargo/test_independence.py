"""The engine knows no program around it: neither its modules nor, in messages, names and conventions, its words."""

from __future__ import annotations

import re
from pathlib import Path

SOURCE = Path(__file__).parents[3] / "src" / "localargo"
SAMPLES = SOURCE / "manifests" / "source_kinds"  # recorded payloads, which show a bucket and objects of a user
OLD_KEYS = ('"retrain/made-by"', "'$.retrain'")  # in state folders of format 1, which are migrated


def test_the_engine_names_neither_the_product_nor_its_handlers() -> None:
    found = []
    for path in sorted(p for p in SOURCE.rglob("*") if p.suffix in (".py", ".md") and not p.is_relative_to(SAMPLES)):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            text = line
            for key in OLD_KEYS:
                text = text.replace(key, "")
            if re.search(r"\bretrain\b|RETRAIN_|\bhandlers\.[a-z_]+\.?|-m handlers", text) and "logging.handlers" not in text:
                found.append(f"{path.relative_to(SOURCE)}:{number}: {line.strip()}")
    assert found == []
