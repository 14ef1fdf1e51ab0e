from pathlib import Path

from retrain.doctor.machine import program
from tests.unit.retrain.cli.driver import Engine, call


def test_it_sees_the_engine(engine: Engine) -> None:
    told = {c["check"]: c for c in engine.json("doctor")}
    assert told["engine"]["message"] == f"process {engine.process.pid} runs on {engine.state}"
    assert all(c["ok"] for c in told.values())


def test_it_works_without_an_engine(tmp_path: Path) -> None:
    told = call("doctor", "--state", str(tmp_path))
    assert told.exit_code == 0
    assert "not running (no engine runs on" in told.stdout


def test_a_program_that_is_missing_names_its_package() -> None:
    assert program("no-such-program", "some-package") == (
        "no-such-program",
        False,
        "not found: `pip install some-package` (or retrain[laptop])",
    )
