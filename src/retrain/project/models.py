"""Keeps models/kustomization.yaml equal to the folder: kustomize has no globs, and a spec that is not listed does not exist for Argo."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from localargo import InvalidInput
from retrain.project import files, generated, landing

GENERATED = ("kustomization.yaml",)
IMAGE = re.compile(r"[A-Za-z0-9][\w./:@-]*", re.ASCII)
ENTRY = re.compile(r"^  - (\S+)\s*$")


def wanted(folder: Path) -> list[str]:
    """The entries that the ConfigMap of models needs: every spec, .sql and .py file, by name, and a file with the image of a model that
    names one; and `<prefix>.yaml=<file>` if a model's data lands under another name than its own, because a Sensor knows only the key of
    an object."""
    found = specs(folder) + sorted(folder.glob("*.sql")) + sorted(folder.glob("*.py"))
    entries = {file.name: file.name for file in found}
    for file in found:
        stem = _lands_under(file.with_suffix(".yaml"))
        if stem is None or stem == file.stem:
            continue
        key = f"{stem}{file.suffix}"
        if key in entries and file.suffix == ".yaml":
            raise InvalidInput(
                f"{file}: what lands under incoming/{stem}/ or batches/{stem}/ starts model {stem} of {entries[key]}: "
                "give one of them a prefix of its own"
            )
        entries[key] = file.name
    for file in specs(folder) if (folder / generated.FOLDER).is_dir() else ():
        if _image(file) is not None:
            entries |= {f"{name}.image": generated.image_file(file.stem) for name in {file.stem, _lands_under(file) or file.stem}}
    return [name if key == name else f"{key}={name}" for key, name in sorted(entries.items(), key=lambda pair: (pair[1], pair[0]))]


def specs(folder: Path) -> list[Path]:
    """The files that hold a model's spec."""
    return sorted(file for file in folder.glob("*.yaml") if file.name not in GENERATED)


def sources_of(file: Path) -> list[str]:
    """The names of a spec's sources; none where it cannot be read."""
    try:
        tree = yaml.safe_load(file.read_text(encoding="utf-8"))
        return [str(name) for name in tree["spec"]["data"]["sources"]]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError):
        return []


def listed(folder: Path) -> list[str]:
    """The entries that models/kustomization.yaml has now."""
    lines = (folder / "kustomization.yaml").read_text(encoding="utf-8").splitlines()
    start = _files_line(folder, lines)
    found = []
    for line in lines[start + 1 :]:
        entry = ENTRY.match(line)
        if not entry:
            break
        found.append(entry[1])
    return found


def sync(folder: Path) -> bool:
    """Rewrite the list of files where it differs (comments and order of everything else stay), and what is generated beside it.

    True when anything has changed.
    """
    now, due = listed(folder), wanted(folder)
    written = generated.write(folder, manifests(folder))
    if now == due:
        return written
    path = folder / "kustomization.yaml"
    lines = path.read_text(encoding="utf-8").splitlines()
    start = _files_line(folder, lines)
    lines[start + 1 : start + 1 + len(now)] = [f"  - {entry}" for entry in due]
    files.write(path, "\n".join(lines) + "\n")
    return True


def manifests(folder: Path) -> dict[str, str]:
    """The manifests that follow from the specs, by path below the folder."""
    names = [name.partition("=")[0].removesuffix(".yaml") for name in wanted(folder) if name.endswith(".yaml")]
    found = {file.stem: _schedule(file) for file in specs(folder)}
    schedules = {model: schedule for model, schedule in found.items() if schedule is not None}
    images = {file.stem: image for file in specs(folder) if (image := _image(file)) is not None}
    components = "base/components" if (folder.parent / "base/components").is_dir() else "components"
    return generated.files(names, schedules, images, components)


def _schedule(spec: Path) -> dict[str, str] | None:
    """The spec's `trigger.schedule`, None where it has none (checking the spec reports a wrong one)."""
    try:
        tree: Any = yaml.load(spec.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        schedule = tree["spec"]["trigger"]["schedule"]
        return {"cron": str(schedule["cron"]), "timezone": str(schedule.get("timezone", "UTC"))}
    except (OSError, yaml.YAMLError, LookupError, TypeError, AttributeError):
        return None


def _image(spec: Path) -> str | None:
    """The spec's `model.image`, None where it has none (checking the spec reports a wrong one)."""
    try:
        tree: Any = yaml.load(spec.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        image = str(tree["spec"]["model"]["image"])
    except (OSError, yaml.YAMLError, LookupError, TypeError, AttributeError):
        return None
    return image if IMAGE.fullmatch(image) else None


def _files_line(folder: Path, lines: list[str]) -> int:
    for number, line in enumerate(lines):
        if line.strip() == "files:":
            return number
    raise InvalidInput(f"{folder / 'kustomization.yaml'}: no `files:` list of the ConfigMap of models")


def _lands_under(spec: Path) -> str | None:
    """The <name> of the triggering source's prefix incoming/<name>/, None if the file has none (checking the spec reports that)."""
    try:
        prefix = landing.trigger_prefix(spec.read_text(encoding="utf-8"))
    except OSError:
        return None
    found = landing.PREFIX.match(prefix or "")
    return found[2] if found else None
