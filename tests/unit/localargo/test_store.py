import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from localargo import store
from localargo.errors import Unavailable

TABLE = "CREATE TABLE IF NOT EXISTS t(x INTEGER);"


def rows(connection: sqlite3.Connection) -> list[int]:
    return [x for (x,) in connection.execute("SELECT x FROM t ORDER BY x")]


def test_a_transaction_is_all_or_nothing(tmp_path: Path) -> None:
    connection = store.open_store(tmp_path / "a.db", [TABLE])
    with store.transaction(connection):
        connection.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(KeyError), store.transaction(connection):
        connection.execute("INSERT INTO t VALUES (2)")
        raise KeyError
    assert rows(connection) == [1]
    connection.close()


def test_a_transaction_inside_another_is_a_defect_but_joining_is_not(tmp_path: Path) -> None:
    connection = store.open_store(tmp_path / "a.db", [TABLE])
    with pytest.raises(sqlite3.OperationalError), store.transaction(connection), store.transaction(connection):
        pass
    with pytest.raises(KeyError), store.transaction(connection):
        with store.nested_transaction(connection):
            connection.execute("INSERT INTO t VALUES (1)")
        raise KeyError
    assert rows(connection) == []
    with store.nested_transaction(connection):
        connection.execute("INSERT INTO t VALUES (2)")
    assert rows(connection) == [2]
    connection.close()


def test_the_file_is_the_owners_and_durable(tmp_path: Path) -> None:
    connection = store.open_store(tmp_path / "new" / "a.db", [TABLE])
    assert stat.S_IMODE((tmp_path / "new" / "a.db").stat().st_mode) == 0o600
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    connection.close()


def test_a_newer_file_is_refused_and_an_older_one_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.open_store(tmp_path / "a.db", [TABLE]).close()
    newer = store.FORMAT + 1
    monkeypatch.setattr(store, "FORMAT", newer)
    monkeypatch.setattr(store, "MIGRATIONS", [*store.MIGRATIONS, "INSERT INTO t VALUES (7);"])
    connection = store.open_store(tmp_path / "a.db", [TABLE])
    assert rows(connection) == [7]
    connection.close()
    connection = store.open_store(tmp_path / "a.db", [TABLE])
    assert rows(connection) == [7]
    connection.close()
    monkeypatch.setattr(store, "FORMAT", newer - 1)
    with pytest.raises(Unavailable, match=f"format {newer}, this version reads up to {newer - 1}"):
        store.open_store(tmp_path / "a.db", [TABLE])


def test_the_lock_names_its_holder_and_ends_with_it(tmp_path: Path) -> None:
    script = "import sys, pathlib, localargo.store as s; l = s.lock_state(pathlib.Path(sys.argv[1])); print('held', flush=True); input()"
    environment = {**os.environ, "PYTHONPATH": str(Path(store.__file__).parent.parent)}
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    assert store.lock_holder(tmp_path) == holder.pid
    with pytest.raises(Unavailable, match=f"process id {holder.pid}"):
        store.lock_state(tmp_path)
    holder.kill()
    holder.communicate()
    lock = store.lock_state(tmp_path)
    assert store.lock_holder(tmp_path) == os.getpid()
    lock.release()
    lock.release()
    assert store.lock_holder(tmp_path) is None


def test_nobody_holds_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert store.lock_holder(tmp_path / "nowhere") is None
