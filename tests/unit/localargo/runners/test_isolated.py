"""The mount namespace, as root and as an ordinary user (both by processes of their own)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import localargo
from localargo.runners import isolated
from localargo.runners.layout import BOUND, PRIVATE, machine_folders

SYSTEM_PYTHON = "/usr/bin/python3"
NOBODY = 65534

ENTER = """
import importlib.util, json, subprocess, sys
spec = importlib.util.spec_from_file_location("isolated", sys.argv[1])
isolated = importlib.util.module_from_spec(spec)
spec.loader.exec_module(isolated)
isolated.enter(json.loads(sys.argv[2]))
sys.exit(subprocess.run(["sh", "-c", sys.argv[3]]).returncode)
"""


def enter(folder: Path, line: str, *, user: int | None = None, mounts: Sequence[object] = ()) -> str:
    """Run a shell line in a namespace; `user`: as that user. Returns what it printed."""
    for name in ("root", "work", "volumes/v", *(f"upper/{p}" for p in PRIVATE)):
        (folder / name).mkdir(parents=True, exist_ok=True)
    module = folder / "isolated.py"
    shutil.copy(isolated.__file__, module)
    if user is not None:
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, user, user)
    plan = {
        "folder": str(folder),
        "machine": machine_folders(),
        "private": list(PRIVATE),
        "mounts": list(mounts),
        "hide": str(folder.parent),
        "visible": [],
    }
    python = SYSTEM_PYTHON if user is not None else sys.executable
    done = subprocess.run(
        [python, "-c", ENTER, str(module), json.dumps(plan), line],
        capture_output=True,
        text=True,
        user=user,
        group=user,
        check=False,
        cwd="/",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def users() -> list[object]:
    if os.geteuid() != 0:
        return [pytest.param(None, id="self")]
    other = pytest.param(
        NOBODY, id="nobody", marks=pytest.mark.skipif(not Path(SYSTEM_PYTHON).exists(), reason="needs a Python that all may run")
    )
    return [pytest.param(None, id="root"), other]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A pod's folder where every user can reach it, wherever the repository lies and whatever the umask is."""
    base = Path(tempfile.mkdtemp(prefix="retrain-isolated-"))
    (base / "state").mkdir()
    for path in (base, base / "state"):
        path.chmod(0o755)
    yield base / "state" / "pod"
    shutil.rmtree(base)


@pytest.mark.parametrize("user", users())
def test_absolute_paths_are_writable_for_the_pod_only(folder: Path, user: int | None) -> None:
    said = enter(
        folder,
        "mkdir -p /tmp/d /etc/deep/er /new; echo 1 > /tmp/d/f; echo 2 > /etc/deep/er/f; echo 3 > /new/f; echo 4 > /var/tmp/f; ls /",
        user=user,
    )
    assert {"etc", "usr", "proc", "new", "tmp"} <= set(said.split())
    found = [folder / "upper/tmp/d/f", folder / "upper/etc/deep/er/f", folder / "root/new/f", folder / "upper/var/tmp/f"]
    assert [path.read_text() for path in found] == ["1\n", "2\n", "3\n", "4\n"]
    assert not Path("/etc/deep").exists()
    assert not Path("/new").exists()


@pytest.mark.parametrize("user", users())
def test_programs_of_the_machine_work_and_private_folders_are_empty(folder: Path, user: int | None) -> None:
    said = enter(
        folder,
        f"ls /tmp /run /dev/shm; test -e {folder} || echo hidden; cat /etc/hostname > /dev/null && python3 -c 'print(40 + 2)' && id -u",
        user=user,
    )
    assert said.split() == ["/dev/shm:", "/run:", "/tmp:", "hidden", "42", str(NOBODY if user else os.geteuid())]


@pytest.mark.parametrize("user", users())
def test_mounts(folder: Path, user: int | None) -> None:
    mounts = [["/etc/model", str(folder / "volumes/v"), False], ["/data/ro", str(folder / "volumes/v"), True]]
    said = enter(
        folder, "echo x > /etc/model/f; cat /data/ro/f; echo y > /data/ro/g 2>/dev/null || echo read-only", user=user, mounts=mounts
    )
    assert said.split() == ["x", "read-only"]
    assert (folder / "volumes/v/f").read_text() == "x\n"
    assert [p.name for p in (folder / "volumes/v").iterdir()] == ["f"]


@pytest.mark.parametrize("user", users())
def test_the_folder_can_be_removed_by_its_owner(folder: Path, user: int | None) -> None:
    code_folder = folder / "code"  # the owner need not be able to read the repository
    shutil.copytree(Path(localargo.__file__).parent, code_folder / "localargo", ignore=shutil.ignore_patterns("__pycache__"))
    enter(folder, "mkdir -p /tmp/locked/deep; touch /tmp/locked/deep/f; chmod 0 /tmp/locked/deep /tmp/locked", user=user)
    code = (
        f"import sys; sys.path.insert(0, {str(code_folder)!r}); from pathlib import Path; "
        f"from localargo.runners.podfolder import remove_tree; [remove_tree(Path({str(folder)!r}) / name) for name in ('upper', 'work')]"
    )
    python = SYSTEM_PYTHON if user is not None else sys.executable
    subprocess.run([python, "-B", "-c", code], user=user, group=user, check=True, cwd="/")
    assert {p.name for p in folder.iterdir()} == {"root", "volumes", "isolated.py", "code"}


def test_a_folder_that_cannot_be_overlaid_is_mirrored(folder: Path, tmp_path: Path) -> None:
    """The folder's entries are there, read-only; the folder itself can be written to."""
    if os.geteuid() != 0:
        pytest.skip("unmounting needs root")
    code = (
        "import importlib.util, sys; s = importlib.util.spec_from_file_location('i', sys.argv[1]); i = importlib.util.module_from_spec(s); "
        "s.loader.exec_module(i); from pathlib import Path; i.unshare(); "
        "root = Path(sys.argv[2]) / 'r'; (root / 'etc').mkdir(parents=True); "
        "upper = Path(sys.argv[2]) / 'u'; (upper / 'etc').mkdir(parents=True); i._mirror('etc', str(root), upper)\n"
        "print((root / 'etc/hostname').read_text() == Path('/etc/hostname').read_text()); (root / 'etc/new').write_text('x')\n"
        "try: (root / 'etc/hostname').write_text('x')\nexcept OSError as e: print(e.strerror)"
    )
    done = subprocess.run([sys.executable, "-c", code, isolated.__file__, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["True", "Read-only file system"]
    assert (tmp_path / "u/etc/new").read_text() == "x"


def test_probe_says_that_it_works_or_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isolated.probe() == ""
    monkeypatch.setattr("platform.machine", lambda: "vax")
    assert "vax" in isolated.probe()


def test_another_system_is_refused_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    with pytest.raises(isolated.IsolationError, match="Darwin has no mount namespaces"):
        isolated.unshare()


@pytest.mark.parametrize("user", users())
def test_every_top_level_folder_and_link_is_there(folder: Path, user: int | None) -> None:
    inside = set(enter(folder, "ls -A1 /", user=user).split("\n"))
    assert {e.name for e in os.scandir("/") if e.is_symlink() or e.is_dir()} <= inside


def test_an_empty_folder_of_the_machine_can_be_written_to(folder: Path) -> None:
    empty = sorted({e.name for e in os.scandir("/") if e.is_dir(follow_symlinks=False)} - set(machine_folders()) - set(BOUND))
    enter(folder, "; ".join(f"echo {name} > /{name}/f" for name in empty) or "true")
    assert [(folder / "root" / name / "f").read_text().strip() for name in empty] == empty
    assert not any(Path("/", name, "f").exists() for name in empty)
