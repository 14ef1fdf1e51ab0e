"""torch is in no lock for development, for it is a download of gigabytes: tests that need it say loudly that they were skipped."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

WHY = "torch is not installed here; `.venv/bin/pip install -e '.[torch]'`, and run them again"
needs_torch = pytest.mark.skipif(find_spec("torch") is None or find_spec("safetensors") is None, reason=WHY)
