"""Past states of the data from outside: asked for through the webhook and its Sensor, one after the other, each once."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import Any

import pytest

from tests.e2e.repository import Repository, rows

pytestmark = pytest.mark.slow
MODEL = "tiny-in-a-name-of-forty-characters-at-it"  # the longest that a model may have
ASKED = ("backfill", MODEL, "--from", "2024-03-14", "--to", "2024-03-16", "--every", "2d")


def trained(repository: Repository) -> dict[str, Any]:
    """The results of all trials."""
    return {key: found for key, found in repository.objects(f"trials/{MODEL}/").items() if key.endswith("/result.json")}


def test_past_states_are_trained_once_and_the_champion_stays(repository: Repository) -> None:
    repository.model(MODEL, grid="[1e-4]")
    repository.up()
    repository.put(f"incoming/{MODEL}/one.csv", rows("2024-03-01", 20, seed=1))
    now = repository.ended("upload")
    champion = repository.objects(f"models/{MODEL}/")
    assert [line.split()[1:3] for line in repository.retrain(*ASKED, "--dry-run").splitlines()] == [["to", "do"]] * 2

    known = dict(line.removeprefix("export ").split("=", 1) for line in repository.retrain("env").splitlines())
    url, token = known["RETRAIN_WEBHOOK_URL"], known["RETRAIN_WEBHOOK_TOKEN"]
    refused = repository.errors(*ASKED, "--url", url, "--token", f"{token}x")
    assert f"the webhook {url} answers 401" in refused
    assert "give the webhook's address and token by --url and --token" in repository.errors(*ASKED, "--url", url)
    assert len(repository.json("events")["events"]) == 1, "what was refused is not on the bus"

    command = [sys.executable, "-m", "retrain.cli", *ASKED, "--url", url, "--token", token, "--state", "s"]
    begun = subprocess.Popen(
        command, cwd=repository.folder, env=repository.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert begun.stdout is not None
    assert begun.stdout.readline().split()[:2] == ["2024-03-14T00:00:00Z", "backfilled"]
    begun.send_signal(signal.SIGINT)
    _, told = begun.communicate(timeout=120)
    assert (begun.returncode, "the same command goes on with the rest" in told) == (130, True)

    done = json.loads(repository.retrain(*ASKED, "-o", "json"))["steps"]
    assert [(step["as_of"][:10], step["outcome"]) for step in done] == [(f"2024-03-{day}", "backfilled") for day in (14, 16)]
    tests = [repository.json("why", step["run"])["verdict"]["compared"] for step in done]
    assert tests == [f"320 rows of 4 test days, 2024-03-{day - 4} to 2024-03-{day - 1}" for day in (14, 16)]
    assert repository.objects(f"models/{MODEL}/") == champion
    assert f"by run {now['metadata']['name']}" in repository.retrain("why", MODEL)

    before = trained(repository), len(repository.json("events")["events"])
    again = repository.retrain(*ASKED).splitlines()
    assert [line.split()[:3] for line in again] == [[step["as_of"], "backfilled", step["run"]] for step in done]
    assert (trained(repository), len(repository.json("events")["events"])) == before

    promoted = repository.json(*ASKED[:4], "--to", "2024-03-14", "--promote")["steps"]
    assert promoted[0]["outcome"] in ("promoted", "refused")
    assert (repository.objects(f"models/{MODEL}/") != champion) is (promoted[0]["outcome"] == "promoted")
    assert trained(repository) == before[0], "what was trained is judged again and not trained again"
