"""What a project gets from the installed release. `base/` and the overlays are copies: Argo CD and CI render them without retrain,
and who reviews a change of the manifests sees it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from localargo import InvalidInput
from retrain.project import packaged

RECORD: Final = Path("base/retrain.json")
BEGINNING: Final = Path(__file__).parent / "beginning"
PLATFORM: Final = ("eventsources", "eventbus", "sensors", "workflowtemplates", "rbac")
ONCE: Final = {"README.md": "README.md", ".gitignore": "gitignore", "models/kustomization.yaml": "models.yaml"}


@dataclass(frozen=True, slots=True)
class Record:
    """What the project was given last: by which release, and the digest of each file's text."""

    version: str
    files: Mapping[str, str]


def version() -> str:
    """The installed release."""
    return metadata.version("retrain")


def once() -> dict[str, str]:
    """The text of the files that a project begins with and that are its own from then on, by path."""
    return {path: _text(BEGINNING / name) for path, name in ONCE.items()}


def files() -> dict[str, str]:
    """The text of the files that every release brings, by path."""
    found = dict(_copies(packaged.root()))
    found["base/kustomization.yaml"] = _text(BEGINNING / "base.yaml")
    found[".github/workflows/lint.yml"] = _text(BEGINNING / "lint.yml")
    found["requirements.txt"] = _requirement()
    return dict(sorted(found.items()))


def _copies(root: Path) -> Iterator[tuple[str, str]]:
    for name in (*PLATFORM, "components"):
        for file in sorted((root / name).rglob("*.yaml")):
            path = file.relative_to(root).as_posix()
            yield f"base/{path}", _text(file).replace("- ../models/", "- ../../models/")
    for file in sorted((root / "overlays").rglob("*.yaml")):
        yield file.relative_to(root).as_posix(), _on_base(_text(file))


def _on_base(overlay: str) -> str:
    """The overlay of a clone, with `base/` in place of the folders that are in it."""
    kept = [line for line in overlay.splitlines(keepends=True) if line.strip() not in {f"- ../../{name}" for name in PLATFORM[1:]}]
    return "".join(kept).replace(f"- ../../{PLATFORM[0]}\n", "- ../../base\n").replace("- ../../components/", "- ../../base/components/")


def _requirement() -> str:
    """The line by which pip finds this release: the address that it came from, where it has one."""
    address = json.loads(metadata.distribution("retrain").read_text("direct_url.json") or "{}").get("url", "")
    if address.startswith("https://"):
        return f"retrain @ {address}\n"
    return (
        "# What CI installs. PyPI's `retrain` is another project: name the wheel's address here, or your own index by --index-url.\n"
        f"retrain=={version()}\n"
    )


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def recorded(folder: Path) -> Record | None:
    """None in a folder that `retrain init` has not made. Raises InvalidInput for a record that cannot be read."""
    file = folder / RECORD
    try:
        found = json.loads(_text(file))
        files = {str(path): str(value) for path, value in found["files"].items()}
        outside = next((path for path in files if path.startswith("/") or ".." in path.split("/")), None)
        if outside is not None:
            raise ValueError(f"{outside} lies outside the project")
        return Record(str(found["version"]), files)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(f"{file} cannot be read ({error!r}): take back the committed one, `git checkout {RECORD}`") from error


def record(brought: Mapping[str, str]) -> str:
    """The text of the record of what this release brings."""
    found = {"version": version(), "files": {path: digest(text) for path, text in brought.items()}}
    return json.dumps(found, indent=1) + "\n"


def outdated(folder: Path) -> str:
    """What to say where the project's manifests are not those that belong to the installed handlers; "" elsewhere."""
    last = recorded(folder)
    if last is None or last.files == {path: digest(text) for path, text in files().items()}:
        return ""
    return f"base/ is of retrain {last.version}, the installed {version()} brings other manifests: `retrain upgrade` shows the difference"
