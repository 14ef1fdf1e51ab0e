import json
from pathlib import Path

from retrain.doctor.machine import program
from retrain.doctor.notifications import notifications
from tests.unit.retrain.cli.driver import Engine, call


def test_it_sees_the_engine(engine: Engine) -> None:
    told = {c["check"]: c for c in engine.json("doctor")}
    assert told["engine"]["message"] == f"process {engine.process.pid} runs on {engine.state}"
    assert all(c["ok"] for c in told.values())


def test_it_works_without_an_engine(tmp_path: Path) -> None:
    told = call("doctor", "--state", str(tmp_path))
    assert told.exit_code == 0
    assert "not running (no engine runs on" in told.stdout


def test_it_says_who_has_not_been_told(tmp_path: Path) -> None:
    entry = {
        "event": {"id": "1", "data": {"model": "m", "run": "r", "outcome": "failed"}},
        "to": "ops",
        "format": "slack",
        "kind": "failed",
    }
    bucket = {"RETRAIN_BUCKET": f"file://{tmp_path}"}
    assert notifications(bucket) == ("notifications", True, "every event is delivered")
    (tmp_path / "outbox/m").mkdir(parents=True)
    (tmp_path / "outbox/m/1.json").write_text(json.dumps({**entry, "at": 0}))
    said = "ops has not been told that run r of m was failed (failed):"
    assert notifications(bucket) == ("notifications", True, f"{said} not tried yet.")
    for n in range(5):
        (tmp_path / "undelivered/m").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"undelivered/m/{n}.json").write_text(json.dumps({**entry, "at": 0, "attempts": 9, "error": "it answered 503"}))
    name, ok, message = notifications(bucket)
    assert (name, ok, message.count(said)) == ("notifications", False, 3)
    assert f"{said} given up after 9 attempts, the last: it answered 503." in message
    assert "and 2 more. correct the Secret `notify`, then `python -m handlers.notify again`" in message


def test_a_program_that_is_missing_names_its_package() -> None:
    assert program("no-such-program", "some-package") == (
        "no-such-program",
        False,
        "not found: `pip install some-package`",
    )
