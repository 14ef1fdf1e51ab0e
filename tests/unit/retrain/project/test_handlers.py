"""The engine settings of the product fit the handlers that are in this repository."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from localargo.runners.needs import needs_libraries
from retrain.project.handlers import engine_settings

ROOT = Path(__file__).parents[4]


def test_the_stages_that_compute_are_forked_from_a_process_with_the_libraries() -> None:
    warm = engine_settings().warm
    assert warm is not None
    for stage in ("train", "transform", "evaluate", "promote", "fetch"):
        assert needs_libraries(ROOT, f"{warm.name}.{stage}"), stage


def test_every_preloaded_module_is_one_that_the_handlers_import() -> None:
    warm = engine_settings().warm
    assert warm is not None
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / warm.name).rglob("*.py"))
    for name in warm.preload:
        importlib.import_module(name)
        library = name.partition(".")[0]
        assert library in sources or library in sys.stdlib_module_names, name
