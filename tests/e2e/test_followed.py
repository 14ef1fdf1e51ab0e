"""An event is followed from the journal to the champion and back, in a running engine."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from tests.e2e.repository import Repository, rows
from tests.waiting import wait_until

pytestmark = pytest.mark.slow


def test_events_are_followed_both_ways(repository: Repository) -> None:
    repository.model(grid="[1e-4]")
    repository.up()
    assert "no events yet: `retrain put FILE --model MODEL` makes one" in repository.errors("events")
    repository.put("incoming/tiny/one.csv", rows("2024-03-01", 20, seed=1))
    repository.put("incoming/nobody/one.csv", "a\n1\n")
    run = repository.ended("upload")["metadata"]["name"]

    told: dict[str, Any] = {}

    def read_by_its_sensor() -> bool:
        told.update({each["key"]: each for each in repository.json("events")["events"]})
        return "incoming/nobody/one.csv" in told and told["incoming/nobody/one.csv"]["became"][0]["became"] != "not read yet"

    wait_until(read_by_its_sensor)
    upload, dropped = told["incoming/tiny/one.csv"], told["incoming/nobody/one.csv"]
    assert (upload["model"], upload["reason"], upload["source"], upload["subject"]) == ("tiny", "upload", "bucket", "upload")
    assert [(each["sensor"], each["became"], each["run"]) for each in upload["became"]] == [("bucket", "started", run)]
    assert [(each["sensor"], each["became"]) for each in dropped["became"]] == [("bucket", "dropped")]
    assert "data: " in dropped["became"][0]["reason"]
    assert f"started {run}" in repository.retrain("events", "--model", "tiny")
    assert [each["id"] for each in repository.json("events", "--model", "tiny")["events"]] == [upload["id"]]

    followed = repository.json("why", upload["id"][:12])
    assert (followed["kind"], followed["event"]["id"], followed["sensors"]) == ("event", upload["id"], upload["became"])
    (chain,) = followed["runs"]
    assert (chain["run"], chain["outcome"], chain["champion"]["number"]) == (run, "promoted", 1)
    assert chain["event"]["id"] == upload["id"]
    assert "run       none" in repository.retrain("why", dropped["id"])

    of_object = repository.json("why", "s3://retrain/incoming/tiny/one.csv")
    assert [each["id"] for each in of_object["events"]] == [upload["id"]]
    assert of_object["models"][0]["champion"]["roles"]["train"]["rows"] > 0
    champion = repository.objects("models/tiny/")["models/tiny/champion.json"]
    assert (champion["event"]["id"], champion["event"]["key"]) == (upload["id"], "incoming/tiny/one.csv")
    assert repository.json("why", champion["trial"])["events"][0]["id"] == upload["id"]
    assert repository.json("why", run)["events"][0]["id"] == upload["id"]
    assert upload["id"] in repository.retrain("why", "tiny")
    page = repository.s3().get_object(Bucket="retrain", Key=f"runs/tiny/{run}/report.html")["Body"].read().decode()
    assert "From the event to the champion" in page
    for name in (run, "tiny", "@latest"):
        file = repository.folder / f"{name}.html"
        assert repository.retrain("report", name, "-o", str(file)).split() == [str(file)]
        assert file.read_text(encoding="utf-8") == page
    assert "there is no run or model 'nobody'" in repository.errors("report", "nobody")
    assert run in repository.retrain("history", "tiny")
    assert "parameters" in repository.retrain("compare", run, run)
    assert upload["id"] in page
    assert repository.kill(signal.SIGINT) == 130
