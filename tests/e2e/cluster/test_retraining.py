"""The install of docs/howto/kubernetes.md on a real cluster: three ways in, the laptop's digests, and what a cluster loses.

The cluster must have Argo's two controllers and reach the images, and must have no namespace `retrain`. The tests go on from each other.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from retrain.demo import flights
from tests.committed import ROOT
from tests.e2e.cluster.install import Install, phase
from tests.e2e.repository import Repository, rows
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]
TINY = {"trigger: {quiet: 2s}": "trigger: {quiet: 5s, at_most: 1m}"}
LONG = {**TINY, "batch_rows: 64": "batch_rows: 64, checkpoint: {every: 1s}"}
EPOCHS = 600
FLIGHTS = "models/flight-delay.yaml"
# Argo's emissary is the first process of the container and cannot be killed from within; its child can
KILL = """
import os, signal
for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
    if pid not in (1, os.getpid()) and b"handlers.train" in open(f"/proc/{pid}/cmdline", "rb").read():
        os.kill(pid, signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def install(context: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Install]:
    """The overlay, applied as the docs say, with two models beside the repository's own: `tiny`, and `long`, which takes its time."""
    made = Install(tmp_path_factory.mktemp("install") / "clone", context)
    made.model("tiny", 2, TINY)
    made.model("long", EPOCHS, LONG)
    made.apply()
    try:
        made.ready()
        yield made
    finally:
        made.gone()


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    """The same models on the embedded engine of this machine."""
    made = Repository(tmp_path_factory.mktemp("laptop") / "clone")
    made.model("long", EPOCHS, LONG)
    shutil.copy2(ROOT / FLIGHTS, made.folder / FLIGHTS)
    made.up()
    yield made
    made.kill(signal.SIGTERM)


def outcomes(install: Install, model: str, runs: list[dict[str, Any]]) -> list[str]:
    """How runs ended, as their last steps wrote it; of several that asked for the same all but one have joined it."""
    names = [run["metadata"]["name"] for run in runs]
    found = install.objects(f"runs/{model}/")
    said = [found[f"runs/{model}/{name}/result.json"]["outcome"] for name in names if f"runs/{model}/{name}/result.json" in found]
    return [each for each in said if each != "joined"]


def states(documents: dict[str, Any]) -> dict[str, str]:
    """What each trial has learned: the digest of its state."""
    return {key.split("/")[2]: found["state"] for key, found in documents.items() if key.endswith("/result.json")}


def trained_on(install: Install, model: str) -> list[list[Any]]:
    """The objects that each run had learned from when it was judged."""
    runs, snapshots = install.objects(f"runs/{model}/"), install.objects(f"snapshots/{model}/")
    judged = [key.removesuffix("verdict.json") for key in runs if key.endswith("/verdict.json")]
    return [snapshots[f"snapshots/{model}/{runs[f'{run}request.json']['snapshot']}.json"]["objects"] for run in judged]


def in_training(install: Install, model: str, before: int) -> dict[str, Any]:
    """The newest run of a model, once a trial of it trains."""
    install.until(lambda: (runs := install.workflows(model)[before:]) and install.training(runs[-1]["metadata"]["name"]), 5, install.told)
    return install.workflows(model)[-1]


def test_uploads_end_in_the_laptops_digests(install: Install, laptop: Repository, tmp_path: Path) -> None:
    months = flights.months(tmp_path, 3)
    for month in months:
        install.put(f"incoming/flight-delay/{month.name}", month.read_bytes())
    assert outcomes(install, "flight-delay", install.ended("flight-delay", 0)) == ["promoted"]
    for month in months:
        laptop.put(f"incoming/flight-delay/{month.name}", month.read_text(encoding="utf-8"))
    laptop.ended("upload")
    learned = states(install.objects("trials/flight-delay/"))
    assert len(learned) == 6
    assert learned == states(laptop.objects("trials/flight-delay/"))
    champion = "models/flight-delay/champion.json"
    assert install.objects(champion)[champion]["trial"] == laptop.objects(champion)[champion]["trial"]


def test_a_post_trains_nothing_where_nothing_is_new(install: Install) -> None:
    before = len(install.workflows("flight-delay"))
    install.posted("flight-delay", "does anything change?")
    assert outcomes(install, "flight-delay", install.ended("flight-delay", before)) == ["already-trained"]
    assert len(states(install.objects("trials/flight-delay/"))) == 6


def test_an_upload_while_the_source_is_away_is_found_by_the_tick(install: Install) -> None:
    install.kubectl("delete", "eventsource", "bucket")
    install.until(lambda: not install.pods("eventsource-name=bucket"), 3, install.told)
    install.put("incoming/tiny/one.csv", rows("2024-03-01", 20, seed=1).encode())
    runs = install.ended("tiny", 0)
    assert {run["metadata"]["labels"]["retrain/trigger"] for run in runs} == {"heal"}
    assert outcomes(install, "tiny", runs) == ["promoted"]
    install.apply()
    install.ready()


def test_trials_whose_pods_are_deleted_and_killed_learn_the_same(install: Install, laptop: Repository) -> None:
    text = rows("2024-03-01", 20, seed=1)
    install.put("incoming/long/one.csv", text.encode())
    run = in_training(install, "long", 0)["metadata"]["name"]
    first = install.training(run)[0]
    install.kubectl("delete", "pod", first, "--wait=false")
    install.until(lambda: set(install.training(run)) - {first}, 3, install.told)
    install.kubectl("exec", (set(install.training(run)) - {first}).pop(), "-c", "main", "--", "python", "-c", KILL)
    ended = install.ended("long", 0)[-1]
    assert phase(ended) == "Succeeded", install.told()
    attempts = [n for n in ended["status"]["nodes"].values() if n["type"] == "Pod" and n["templateName"] == "train"]
    # Argo makes a deleted pod again under its name where it had not seen it run; the one that was killed is an attempt that failed
    assert any(n["phase"] != "Succeeded" for n in attempts), [n.get("message") for n in attempts]
    laptop.put("incoming/long/one.csv", text)
    wait_until(lambda: laptop.objects("models/long/"))
    assert states(install.objects("trials/long/")) == states(laptop.objects("trials/long/"))


def test_a_bucket_that_is_away_for_a_minute_costs_no_trial(install: Install) -> None:
    before = len(install.workflows("long"))
    install.put("incoming/long/two.csv", rows("2024-03-21", 2, seed=2).encode())
    run = in_training(install, "long", before)
    install.kubectl("patch", "service", "s3", "--type=merge", "-p", '{"spec":{"selector":{"app":"nobody"}}}')
    try:
        install.pause(60)
    finally:
        install.kubectl("patch", "service", "s3", "--type=merge", "-p", '{"spec":{"selector":{"app":"seaweedfs"}}}')
    assert set(outcomes(install, "long", install.ended("long", before))) <= {"promoted", "refused"}
    verdict = f"runs/long/{run['metadata']['name']}/verdict.json"
    assert install.objects(verdict)[verdict]["lost"] == 0


def test_what_a_terminated_run_left_is_trained_by_the_next(install: Install) -> None:
    before = len(install.workflows("long"))
    install.put("incoming/long/three.csv", rows("2024-03-23", 2, seed=3).encode())
    run = in_training(install, "long", before)["metadata"]["name"]
    install.retrain("terminate", run)
    install.until(lambda: phase(install.workflows("long")[before]) == "Failed", 3, install.told)
    claim = "runs/long/claim.json"  # free once a tick has asked what became of the run
    install.until(lambda: install.objects(claim)[claim]["heartbeat"] == 0.0, 6, install.told)
    install.posted("long", "the last one was terminated")
    install.until(lambda: install.workflows("long")[before + 1 :], 6, install.told)
    assert set(outcomes(install, "long", install.ended("long", before + 1))) <= {"promoted", "refused"}


def test_a_burst_survives_the_loss_of_sensors_controller_and_bus(install: Install) -> None:
    before = len(install.workflows("tiny"))
    losses = {2: ("controller=sensor-controller",), 4: ("app=workflow-controller", "-n", "argo"), 6: ("eventbus-name=default",)}
    for day in range(8):
        install.put(f"incoming/tiny/more-{day}.csv", rows(f"2024-03-{21 + day}", 1, seed=10 + day).encode())
        if day in losses:
            install.kubectl("delete", "pod", "--wait=false", "-l", *losses[day])
        if day == 6:
            install.started_anew()
        install.posted("tiny", f"day {day}")

    install.until(lambda: 9 in (len(objects) for objects in trained_on(install, "tiny")), 12, install.told)
    install.ended("tiny", before)
    states_trained = trained_on(install, "tiny")
    assert len(states_trained) == len({str(objects) for objects in states_trained}), "a state was trained twice"


def test_two_sensors_start_one_run(install: Install) -> None:
    install.kubectl("patch", "sensor", "webhook", "--type=merge", "-p", '{"spec":{"replicas":2}}')
    try:
        install.until(lambda: len(install.pods("sensor-name=webhook")) == 2, 3, install.told)
        before = len(install.workflows("flight-delay"))
        install.posted("flight-delay", "two sensors")
        assert len(install.ended("flight-delay", before)) == 1
    finally:
        install.kubectl("patch", "sensor", "webhook", "--type=merge", "-p", '{"spec":{"replicas":1}}')


def test_without_their_rights_nothing_is_started_and_no_step_reports(install: Install) -> None:
    before = len(install.workflows("tiny"))
    with install.without_right("sensor", "workflows", "create"):
        install.posted("tiny", "may the sensor?")
        install.pause(45)
        assert len(install.workflows("tiny")) == before
    install.posted("tiny", "it may again")
    install.ended("tiny", before)
    before = len(install.workflows("tiny"))
    with install.without_right("executor", "workflowtaskresults", "create"):
        install.posted("tiny", "may a step report?")
        assert phase(install.ended("tiny", before)[-1]) in ("Failed", "Error")
