"""Claims that go with their Workflow."""

from __future__ import annotations

from pathlib import Path

from localargo.runners import claims


def claim(folder: Path, name: str, owner: str) -> None:
    claims.mark(folder, name, owner)
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "file").write_text(owner)


def there(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("file")}


def test_the_claims_of_an_owner_are_removed_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/file").touch()
    claim(tmp_path, "w-data", "one")
    claim(tmp_path, "v-data", "two")
    claims.put_aside(tmp_path, lambda owner: owner == "one")
    claims.sweep(tmp_path)
    assert there(tmp_path) == {"theirs/file", "v-data/file"}
    claims.put_aside(tmp_path, lambda owner: owner != "")
    claims.sweep(tmp_path)
    claims.sweep(tmp_path)
    assert there(tmp_path) == {"theirs/file"}


def test_a_claim_of_the_same_name_begins_empty_for_another_owner(tmp_path: Path) -> None:
    claim(tmp_path, "w-data", "one")
    claims.mark(tmp_path, "w-data", "one")
    assert there(tmp_path) == {"w-data/file"}
    claims.mark(tmp_path, "w-data", "two")
    assert "w-data/file" not in there(tmp_path)
