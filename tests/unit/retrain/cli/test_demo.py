from pathlib import Path

import pytest

from localargo.errors import InvalidInput
from retrain.cli import demo


def test_only_what_a_demo_has_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").touch()
    with pytest.raises(InvalidInput, match="not the state of a demo, which is removed at every start"):
        demo._afresh(tmp_path)
    assert (tmp_path / "kept.txt").exists()
    (tmp_path / "months").mkdir()
    demo._afresh(tmp_path)
    assert list(tmp_path.iterdir()) == []
    demo._afresh(tmp_path)
    demo._afresh(tmp_path / "new")
    assert (tmp_path / "new").is_dir()
