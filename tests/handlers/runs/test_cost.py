"""What trainings cost: added up from what each process has kept."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from handlers import cost
from handlers.contracts import WrongUsage
from handlers.modelspec.trigger import Trigger
from handlers.runs.spending import Measured
from handlers.storage import FolderStore, write_json

PRICE = {"cpu_hour": 36, "currency": "EUR", "spot": 0.25}
JUNE = 1_781_000_000.0  # 2026-06-09


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderStore:
    monkeypatch.setenv("RETRAIN_BUCKET", f"file://{tmp_path}")
    found = FolderStore(tmp_path)
    for model, run, at, price in (("m", "a", JUNE, PRICE), ("m", "b", JUNE + 40 * 86400, PRICE), ("n", "c", JUNE, {**PRICE, "spot": None})):
        write_json(found, f"runs/{model}/{run}/request.json", {"model": model, "run": run, "at": at})
        for number, trial in enumerate(("t", "t", "u")):  # t was interrupted once
            kept = {"processor_seconds": 100.0, "seconds": 200.0, "price": price, "step": "train", "trial": trial}
            write_json(found, f"runs/{model}/{run}/spent/train-{number}.json", kept)
    return found


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    cost.run(list(words))
    return capsys.readouterr().out


def test_by_run_by_trial_and_by_month(store: FolderStore, capsys: pytest.CaptureFixture[str]) -> None:
    head, a, b = (re.split("  +", line) for line in asked(capsys, "m").splitlines())
    assert head == ["MONTH", "MODEL", "RUN", "PROCESSES", "CPU HOURS", "HOURS", "ON DEMAND", "ON SPOT"]
    assert a == ["2026-06", "m", "a", "3", "0.08", "0.17", "3.00 EUR", "0.75 EUR"]
    assert b[:3] == ["2026-07", "m", "b"]
    trials = json.loads(asked(capsys, "m", "--by", "trial", "-o", "json"))["costs"]
    assert [(row["run"], row["trial"], row["processes"], row["money"]) for row in trials] == [
        ("a", "t", 2, 2.0),
        ("a", "u", 1, 1.0),
        ("b", "t", 2, 2.0),
        ("b", "u", 1, 1.0),
    ]
    months = json.loads(asked(capsys, "--by", "month", "-o", "json"))["costs"]
    assert [(row["month"], row["model"], row["money"], row["spot_money"]) for row in months] == [
        ("2026-06", "m", 3.0, 0.75),
        ("2026-06", "n", 3.0, None),
        ("2026-07", "m", 3.0, 0.75),
    ]


def test_a_step_keeps_what_is_added_up(store: FolderStore, capsys: pytest.CaptureFixture[str]) -> None:
    write_json(store, "runs/o/d/request.json", {"model": "o", "run": "d", "at": JUNE})
    with Measured(store, Trigger.model_validate({"price": PRICE}), "o", "d", "train", trial="v"):
        pass
    (row,) = json.loads(asked(capsys, "o", "--by", "trial", "-o", "json"))["costs"]
    assert (row["trial"], row["currency"], row["processes"]) == ("v", "EUR", 1)
    assert row["money"] == pytest.approx(row["processor_seconds"] / 100)
    assert row["spot_money"] == pytest.approx(row["money"] / 4)


def test_what_is_not_there(store: FolderStore, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(WrongUsage, match=r"there is no model 'x' in the bucket; models: m, n"):
        asked(capsys, "x")
    write_json(store, "runs/o/d/request.json", {"model": "o", "run": "d", "at": JUNE})
    assert asked(capsys, "o").startswith("Nothing is known to have cost anything: give the model a price")
