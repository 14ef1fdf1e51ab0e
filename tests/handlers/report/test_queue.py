"""Who trains, who is wanted next, and what runs have cost."""

from __future__ import annotations

from pathlib import Path

from handlers import why
from handlers.report.answers import shown, text
from handlers.runs import claim
from handlers.storage import FolderStore, write_json


def test_the_queue_of_each_model_and_the_cost_of_its_last_days(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    now = store.server_time()
    for run, ago, money in (("a", 40 * 86400, 100.0), ("b", 86400, 0.25), ("c", 10, 0.5)):
        write_json(store, f"runs/m/{run}/request.json", {"run": run, "model": "m", "at": now - ago, "decision": "train"})
        cost = {"processor_seconds": 3600.0, "money": money, "currency": "EUR"}
        write_json(store, f"runs/m/{run}/result.json", {"run": run, "model": "m", "at": now - ago, "outcome": "kept", "cost": cost})
    assert claim.take(store, "m", "d", {"run": "d"}) == ""
    assert claim.take(store, "m", "e", {"run": "e", "stop": True}) == "d"
    answer = why.answer(store, ["queue"])
    (row,) = answer["models"]
    assert (row["trains"]["run"], row["trains"]["alive"]) == ("d", True)
    assert row["wanted"] == [{"run": "e", "stop": True}]
    assert row["waits"] is None
    assert (row["cost"]["runs"], row["cost"]["money"], row["cost"]["processor_seconds"]) == (2, 0.75, 7200.0)
    assert sum(row["cost"]["days"].values()) == 0.75
    assert text(shown("queue", answer)).splitlines()[1] == "m\td\t\te\t0.75 EUR"
    assert why.answer(store, ["queue", "--model", "other"])["models"] == []
