"""What a run's steps have used, and that a killed one has used it too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from handlers.modelspec.trigger import Trigger
from handlers.runs import requests, spending
from handlers.runs.spending import Measured
from handlers.storage import FolderStore, write_json
from tests.waiting import wait_until

TRIGGER = Trigger.model_validate({"price": {"cpu_hour": 36, "currency": "EUR"}})
WORKS = """
import sys
from pathlib import Path
from handlers.modelspec.trigger import Trigger
from handlers.runs.spending import Measured
from handlers.storage import FolderStore
with Measured(FolderStore(Path(sys.argv[1])), Trigger.model_validate_json(sys.argv[2]), "m", "a", "train", every=0.05):
    while True:
        pass
"""


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def test_each_process_of_a_run_keeps_what_it_has_used(store: FolderStore) -> None:
    before = spending.processor_seconds()
    for step in ("transform", "train", "train"):
        with Measured(store, TRIGGER, "m", "a", step):
            pass
    names = sorted(info.key.split("/")[-1].split("-")[0] for info in store.list("runs/m/a/spent/"))
    assert names == ["train", "train", "transform"]
    used = spending.of_steps(store, "m", "a")
    assert 3 * before - 0.01 <= used <= 3 * spending.processor_seconds() + 0.01
    assert spending.cost(store, TRIGGER.price, "m", "a") == {
        "cost": {"processor_seconds": round(used, 3), "money": pytest.approx(used / 100), "currency": "EUR"}
    }


def test_without_a_price_nothing_is_kept(store: FolderStore) -> None:
    with Measured(store, Trigger(), "m", "a", "train"):
        pass
    assert list(store.list("runs/")) == []
    assert spending.cost(store, None, "m", "a") == spending.cost(store, TRIGGER.price, "m", "a") == {}


def test_a_step_that_fails_has_used_it_too(store: FolderStore) -> None:
    with pytest.raises(ValueError, match="broken"), Measured(store, TRIGGER, "m", "a", "train"):
        raise ValueError("broken")
    assert spending.of_steps(store, "m", "a") > 0


def test_a_process_that_is_killed_has_used_what_it_kept_last(store: FolderStore, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WORKS, str(tmp_path), TRIGGER.model_dump_json()]) as working:
        wait_until(lambda: spending.of_steps(store, "m", "a") > 0.5, lambda: "nothing is kept")
        working.send_signal(signal.SIGKILL)
    assert len(list(store.list("runs/m/a/spent/"))) == 1
    assert 0.5 < spending.of_steps(store, "m", "a") < 600


def test_what_a_run_has_used_is_known_while_it_works_after_its_end_and_when_it_is_tried_again(store: FolderStore) -> None:
    def kept(name: str, used: float) -> None:
        write_json(store, f"runs/m/a/spent/{name}.json", {"processor_seconds": used})

    kept("train-1", 5.0)
    assert spending.of_runs(store, "m", ["a", "unknown"]) == 5.0
    requests.end(store, "m", "a", {"outcome": "failed", "at": 1.0, "cost": {"processor_seconds": 5.0}})
    kept("train-2", 2.0)
    assert spending.of_runs(store, "m", ["a"]) == 7.0, "a run that failed may be tried again"
    requests.end(store, "m", "a", {"outcome": "promoted", "at": 2.0, "cost": {"processor_seconds": 7.0}})
    assert spending.of_runs(store, "m", ["a"]) == 7.0


def test_a_bucket_that_does_not_take_it_ends_no_step(store: FolderStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "runs").write_text("no folder")
    with Measured(store, TRIGGER, "m", "a", "train"):
        assert os.times().user > 0
    assert "processor seconds are not kept" in capsys.readouterr().err
