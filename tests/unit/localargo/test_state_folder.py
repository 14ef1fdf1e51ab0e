"""State folders of earlier versions go on; what is not a usable state folder is refused with what to do about it."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from localargo.engine import Engine
from localargo.errors import Unavailable
from localargo.manifests.yaml import load_documents
from localargo.settings import Settings
from localargo.store import FORMAT, lock_state
from tests.waiting import until

HERE = Path(__file__).parent
SETTINGS = Settings(bucket="retrain", variables="RETRAIN")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A state folder as format 1 left it."""
    state = tmp_path / "s"
    state.mkdir()
    connection = sqlite3.connect(state / "engine.db")
    connection.executescript((HERE / "state_format_1" / "engine.sql").read_text(encoding="utf-8"))
    connection.close()
    return state


@pytest.mark.anyio
async def test_what_an_earlier_version_began_goes_on_and_ends(old: Path) -> None:
    async with Engine(old, settings=SETTINGS) as engine:
        before = engine.admission.get("Workflow", "done")
        assert before["status"]["phase"] == "Succeeded"
        assert len(before["status"]["nodes"]) == 5
        engine.operations.operate("resume", "by-tick", {})
        for name in ("retries", "sleeps", "by-tick"):
            await engine.ended(name)
            ended = engine.admission.get("Workflow", name)
            assert ended["status"]["phase"] == "Succeeded", ended["status"]
            assert {"retrain", "localargo"}.isdisjoint(ended["status"])
        last = [n for n in engine.admission.get("Workflow", "by-tick")["status"]["nodes"].values() if n["displayName"] == "last"]
        assert last[0]["inputs"]["parameters"] == [{"name": "word", "value": "tick"}]
        assert [event["source"] for event in engine.journal(5)["events"]] == ["clock"]
        assert engine.journal(5)["triggers"][0]["lag"] == 0
        made = engine.admission.get("Secret", "s3")
        assert made["metadata"]["annotations"] == {"localargo/made-by": "engine"}
    async with Engine(old, settings=SETTINGS) as engine:
        assert {w["status"]["phase"] for w in engine.admission.list("Workflow")} == {"Succeeded"}


async def refused(state: Path) -> str:
    with pytest.raises(Unavailable) as error:
        await Engine(state).__aenter__()
    return str(error.value)


@pytest.mark.anyio
async def test_a_newer_format_is_refused(old: Path) -> None:
    connection = sqlite3.connect(old / "engine.db")
    connection.execute(f"PRAGMA user_version = {FORMAT + 7}")
    connection.close()
    assert await refused(old) == (
        f"{old}/engine.db was written by a newer version (format {FORMAT + 7}, this version reads up to {FORMAT}): "
        "upgrade, or choose another state folder"
    )
    assert sqlite3.connect(old / "engine.db").execute("SELECT count(*) FROM workflow").fetchone() == (4,)


def foreign_database(state: Path) -> None:
    connection = sqlite3.connect(state / "engine.db")
    connection.execute("CREATE TABLE bookmarks(url)")
    connection.close()


def no_database(state: Path) -> None:
    (state / "engine.db").write_bytes(b"this is not SQLite" * 1000)


def folder_for_a_file(state: Path) -> None:
    (state / "engine.db").mkdir()


def file_for_a_folder(state: Path) -> None:
    (state / "pods").touch()


def lock_is_a_folder(state: Path) -> None:
    (state / "engine.lock").mkdir()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (foreign_database, "{}/engine.db belongs to another program (tables: bookmarks): choose another state folder"),
        (
            no_database,
            "{}/engine.db is damaged or not a database (file is not a database): "
            "put a copy of the state folder in its place, or choose another state folder",
        ),
        (folder_for_a_file, "{}/engine.db is a folder, but a file is needed there: move it, or choose another state folder"),
        (file_for_a_folder, "{}/pods is a file, but a folder is needed there: move it, or choose another state folder"),
        (lock_is_a_folder, "{}/engine.lock is a folder, but a file is needed there: move it, or choose another state folder"),
    ],
)
async def test_what_is_not_a_state_folder_is_refused(tmp_path: Path, spoil: Callable[[Path], None], told: str) -> None:
    state = tmp_path / "s"
    state.mkdir()
    spoil(state)
    with pytest.raises(Unavailable) as error:
        await Engine(state).__aenter__()
    assert str(error.value) == told.format(state)
    if spoil is not lock_is_a_folder:
        lock_state(state).release()


@pytest.mark.anyio
async def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s").touch()
    assert await refused(tmp_path / "s") == f"{tmp_path}/s is a file, but a folder is needed there: move it, or choose another state folder"
    assert (await refused(tmp_path / "s" / "deeper")).startswith(f"{tmp_path}/s")


@pytest.mark.anyio
async def test_damage_inside_the_database_is_found_when_it_is_read(old: Path) -> None:
    connection = sqlite3.connect(old / "engine.db")
    (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'workflow'").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with (old / "engine.db").open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(os.urandom(size))
    assert "engine.db is damaged or not a database (database disk image is malformed): put a copy" in await refused(old)
    lock_state(old).release()


SCRIPT = """
import asyncio, os, sys
from pathlib import Path
from localargo import Engine, LocalArgoError
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    asyncio.run(Engine(Path(sys.argv[1])).__aenter__())
except LocalArgoError as error:
    print(error)
"""


@pytest.mark.parametrize("what", ["", "engine.db", "engine.lock", "engine.log"])
def test_a_folder_without_permission_is_refused(what: str) -> None:
    with tempfile.TemporaryDirectory() as folder:  # not pytest's own, into which another user than root cannot look
        state = Path(folder)
        state.chmod(0o777)
        if what:
            (state / what).touch()
        (state / what).chmod(0)
        ended = subprocess.run([sys.executable, "-c", SCRIPT, folder], capture_output=True, text=True, check=False, timeout=120)
        state.chmod(0o700)
    assert ended.stdout == (
        f"{state / (what or 'engine.lock')} cannot be opened for writing (permission denied): check its owner and permissions "
        "and the disk, or choose another state folder\n"
    ), ended.stderr


HOLD = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: hold}
spec:
  entrypoint: hold
  templates: [{name: hold, container: {image: local/busybox, command: [sh, -c, "echo here; until [ -e /seen/go ]; do sleep 0.05; done"],
    volumeMounts: [{name: seen, mountPath: /seen}]}}]
  volumes: [{name: seen, persistentVolumeClaim: {claimName: seen}}]
"""


def said(state: Path) -> list[Path]:
    return [log for log in (state / "pods").glob("*/log/main.log") if "here" in log.read_text(encoding="utf-8")]


@pytest.mark.anyio
async def test_an_engine_whose_state_folder_was_removed_ends_and_leaves_the_next_ones_alone(tmp_path: Path) -> None:
    state = tmp_path / "s"
    documents = load_documents(HOLD, "hold.yaml")
    first = Engine(state, documents)
    await first.__aenter__()
    await until(lambda: said(state))
    bucket = await first.stand_ins.bucket()
    await asyncio.to_thread(bucket.put, "a", b"1")
    shutil.rmtree(state, ignore_errors=True)
    async with Engine(state, documents) as second:
        await until(lambda: said(state))
        bucket = await second.stand_ins.bucket()
        with pytest.raises(Unavailable, match="was removed while an engine was using it"):
            await first.run_forever()
        await first.stop()
        assert (state / "engine.sock").exists()
        assert (state / "engine.json").exists()
        await asyncio.to_thread(bucket.put, "b", b"2")
        (state / "claims" / "seen" / "go").touch()
        await second.ended("hold")
        assert second.workflow("hold")["status"]["phase"] == "Succeeded"
