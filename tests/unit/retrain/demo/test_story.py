from pathlib import Path

import pytest

from localargo.errors import InvalidInput
from retrain.demo import story


def test_only_what_a_demo_has_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").touch()
    with pytest.raises(InvalidInput, match="this is not the state of a demo"):
        story.start_anew(tmp_path)
    assert (tmp_path / "kept.txt").exists()
    (tmp_path / "months").mkdir()
    story.start_anew(tmp_path)
    assert list(tmp_path.iterdir()) == []
    story.start_anew(tmp_path)
    story.start_anew(tmp_path / "new")
    assert (tmp_path / "new").is_dir()
