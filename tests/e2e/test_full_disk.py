"""A full disk under the engine's state folder: what cannot be kept is refused with what to do, and nothing that was accepted is lost."""

from __future__ import annotations

import signal
from pathlib import Path

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.campaign.full_disk import FullDisk
from tests.campaign.invariants import JUDGED
from tests.campaign.play import play
from tests.campaign.scenario import MODELS, script
from tests.campaign.site import Site
from tests.e2e.repository import Repository, rows
from tests.small_disk import fill, small_disk
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.campaign]
MIB = 96


def post(repository: Repository, environment: dict[str, str]) -> httpx.Response:
    return httpx.post(
        environment["RETRAIN_WEBHOOK_URL"],
        json={"model": "tiny", "reason": "asked"},
        headers={"Authorization": f"Bearer {environment['RETRAIN_WEBHOOK_TOKEN']}"},
        timeout=60,
        trust_env=False,
    )


def exports(repository: Repository) -> dict[str, str]:
    return dict(line.removeprefix("export ").split("=", 1) for line in repository.retrain("env").splitlines())


def test_what_cannot_be_kept_is_refused_and_it_goes_on_when_there_is_space(repository: Repository) -> None:
    repository.model(grid="[1e-4]")
    with small_disk(repository.state, MIB):
        repository.up()
        environment = exports(repository)
        repository.put("incoming/tiny/one.csv", rows("2024-03-01", 20, seed=1))
        first = repository.ended("upload")
        assert first["status"]["phase"] == "Succeeded"
        filler = fill(repository.state)

        with pytest.raises(ClientError, match="InternalError"):
            repository.put("incoming/tiny/two.csv", rows("2024-03-21", 8, seed=2))
        answer = post(repository, environment)
        assert answer.status_code == 500
        assert answer.text == "the event could not be stored (database or disk is full): send it again"
        told = repository.errors("submit", "--from", "workflowtemplate/retrain", "-p", "model=tiny", "--name", "asked")
        assert "cannot be written, its disk is full: free some space and do it again" in told
        assert "Traceback" not in (repository.folder / "up.log").read_text(encoding="utf-8")

        filler.unlink()
        assert repository.process is not None
        assert repository.process.poll() is None
        repository.put("incoming/tiny/two.csv", rows("2024-03-21", 8, seed=2))
        assert post(repository, environment).status_code == 200
        both = ["incoming/tiny/one.csv", "incoming/tiny/two.csv"]
        wait_until(lambda: both in judged(repository), lambda: f"{judged(repository)} {repository.retrain('list')}")
        repository.kill(signal.SIGTERM)


def judged(repository: Repository) -> list[list[str]]:
    """The objects of each snapshot whose trials were judged."""
    runs, found = repository.objects("runs/tiny/"), repository.objects("snapshots/tiny/")
    ended = [each for key, each in runs.items() if key.endswith("/result.json") and each["outcome"] in JUDGED]
    snapshots = [runs[f"runs/tiny/{each['run']}/request.json"]["snapshot"] for each in ended]
    return [[key for key, _, _ in found[f"snapshots/tiny/{name}.json"]["objects"]] for name in snapshots]


def test_full_for_a_while_loses_and_repeats_nothing(tmp_path: Path) -> None:
    site = Site(tmp_path)
    with small_disk(site.state, MIB):
        full = FullDisk(site.state, after=8.0, seconds=6.0)
        played = play([site], full, script(5, 4), None)
    assert played.wrong == []
    assert full.counted["MiB that filled the disk"] > MIB // 2
    assert played.promotions >= len(MODELS)
