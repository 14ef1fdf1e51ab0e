import signal
import subprocess
from pathlib import Path

import pytest

from tests.unit.cli.driver import Engine, call, end, serve, start


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_signal_ends_the_engine_and_the_verbs_say_so(tmp_path: Path, number: int, expected: int) -> None:
    engine = serve(tmp_path)
    code, told = end(engine, number)
    assert code == expected
    assert "what is under way goes on at the next `retrain up`" in told
    refused = engine.call("list")
    assert refused.exit_code == 1
    assert "retrain up --state" in refused.stderr


def test_down_ends_the_engine(tmp_path: Path) -> None:
    engine = serve(tmp_path)
    assert engine.ok("down") == "stopped\n"
    assert engine.process.wait(30) == 0
    end(engine)
    assert engine.call("down").exit_code == 1


def test_ctrl_c_ends_a_watch_with_130(engine: Engine) -> None:
    name = engine.waiting()
    process = engine.popen("watch", name)
    assert process.stdout is not None
    assert "Running" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
    engine.ok("terminate", name)


def test_a_stream_that_ends_early_names_the_engine(tmp_path: Path) -> None:
    engine = serve(tmp_path)
    name = engine.waiting()
    process = engine.popen("watch", name)
    assert process.stdout is not None
    assert "Running" in process.stdout.readline()
    end(engine)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "retrain up --state" in told


def test_up_without_manifests_is_wrong_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused = call("up")
    assert refused.exit_code == 2
    assert "no overlays/laptop here" in refused.stderr


def test_a_second_engine_on_the_state_is_refused(engine: Engine) -> None:
    second = start(engine.folder, "up", "all.yaml", "--state", "s", "--ports", "free")
    _, told = second.communicate(timeout=30)
    assert second.returncode == 1
    assert told.startswith("retrain: ")


def test_env_without_a_bucket(engine: Engine) -> None:
    assert engine.call("env").exit_code == 1


def test_a_reader_that_has_read_enough_is_no_failure(engine: Engine, finished: str) -> None:
    process = engine.popen("get", finished, "-o", "json")
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, told = process.communicate(timeout=20)
    assert (process.returncode, told) == (0, "")
    assert isinstance(process, subprocess.Popen)
