"""Whether a handler would gain from a parent that has the libraries loaded is read from its text."""

from __future__ import annotations

from pathlib import Path

import pytest

from localargo.runners.needs import needs_libraries


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of handlers that import each other."""
    folder = tmp_path / "jobs"
    (folder / "data").mkdir(parents=True)
    files = {
        "__init__.py": "",
        "plain.py": "import json\nfrom collections.abc import Mapping\nfrom jobs import shared, NAME",
        "shared.py": "import jobs.plain\nthing = 1",
        "late.py": "def f():\n    if True:\n        import numpy.random",
        "far.py": "from jobs import plain, middle",
        "middle.py": "from jobs.data.rows import read",
        "data/rows.py": "import pyarrow",
        "data/__init__.py": "",
        "inner.py": "import jobs.data",
        "relative.py": "from . import plain",
        "broken.py": "def",
        "other.py": "import requests",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "needs"),
    [
        ("plain", False),
        ("shared", False),
        ("inner", False),
        ("absent", False),
        ("late", True),
        ("far", True),
        ("middle", True),
        ("relative", True),
        ("broken", True),
        ("other", True),
    ],
)
def test_what_is_imported_anywhere_counts(package: Path, name: str, needs: bool) -> None:
    assert needs_libraries(package, f"jobs.{name}") is needs


def test_a_package_that_imports_libraries_counts_for_all_its_modules(package: Path) -> None:
    (package / "jobs/__init__.py").write_text("import numpy")
    assert needs_libraries(package, "jobs.plain")
    assert needs_libraries(package, "jobs.absent")


def test_an_edited_module_is_read_again(package: Path) -> None:
    assert not needs_libraries(package, "jobs.plain")
    (package / "jobs/shared.py").write_text("import numpy, json")
    assert needs_libraries(package, "jobs.plain")
