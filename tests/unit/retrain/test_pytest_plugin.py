"""The plug-in costs next to nothing where nobody asks for it."""

from __future__ import annotations

import subprocess
import sys


def test_loading_it_imports_nothing_of_the_engine() -> None:
    code = (
        "import sys, retrain.pytest_plugin; "
        "print(sorted(m for m in sys.modules if m.startswith(('retrain', 'localargo')) or m in ('yaml', 'boto3')))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == str(["retrain", "retrain.pytest_plugin"])
