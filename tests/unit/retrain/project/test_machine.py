"""What a spec asks for that this machine does not have is told before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrain.project.machine import too_large


@pytest.mark.parametrize(
    ("resources", "told"),
    [
        ("{train: {memory: 60Gi}}", "resources.train.memory asks for 60Gi, this machine has 24Gi"),
        ("{train: {cpu: 1}, evaluate: {memory: {request: 30Gi, limit: 60Gi}}}", "resources.evaluate.memory asks for 30Gi"),
        ("{train: {memory: {request: 2Gi, limit: 60Gi}}}", ""),
        ("{train: {memory: 24Gi}}", ""),
        ("{train: {memory: much}}", ""),
        ("[]", ""),
    ],
)
def test_what_is_asked_for(tmp_path: Path, resources: str, told: str) -> None:
    file = tmp_path / "m.yaml"
    file.write_text(f"spec: {{resources: {resources}}}\n", encoding="utf-8")
    found = too_large(file, 24 * 2**30)
    assert told in found
    assert bool(found) == bool(told)


def test_a_file_that_is_no_spec_is_told_by_lint(tmp_path: Path) -> None:
    assert too_large(tmp_path / "absent.yaml") == ""
