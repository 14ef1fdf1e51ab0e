"""The repository as it is committed: what a user keeps in a clone (models, states of engines) changes no test."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
CODE = ("benchmarks", "requirements", "src", "tests")


def tracked() -> list[Path]:
    """Every committed file, below the root of the repository."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [Path(name) for name in listing.split("\0") if name]


def copy_models(folder: Path) -> Path:
    """Make `models` in a folder, with the committed specs, their committed list, and the component that what is generated includes."""
    names = [str(path) for path in tracked() if path.parts[0] == "models" or path.parts[:2] == ("components", "event-pods")]
    subprocess.run(["git", "checkout-index", "--force", f"--prefix={folder.resolve()}/", "--", *names], cwd=ROOT, check=True)
    return folder / "models"


def copy_repository(folder: Path) -> None:
    """What the product is made of, without its code: manifests, handlers, models, documentation, and the files beside them."""
    ours = tracked()
    for name in sorted({path.parts[0] for path in ours if len(path.parts) > 1} - {"models", *CODE}):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ours:
        if len(path.parts) == 1:
            shutil.copy2(ROOT / path, folder / path)
    copy_models(folder)
