"""A bucket that fails changes nothing of what comes out: the real handlers on a real S3 server, with a proxy between them that fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import boto3
import pytest

from handlers import promote
from handlers.contracts import TryAgain
from handlers.runs import champion, trials
from handlers.storage import Store, Temporary, open_store
from localargo.bucket.seaweedfs import SeaweedFS
from tests.campaign.proxy import Faults, Proxy
from tests.handlers.stages.world import World, month
from tests.real_bucket import told_of

AWAY = 3.0  # seconds; a campaign's bucket is away for a minute
TRIES = 40  # of a step: Argo tries a few times, and the ticks of heal try the run again
AGAIN = (TryAgain, Temporary, ConnectionError, TimeoutError)  # what ends a handler with 75

T = TypeVar("T")


class Remote(World):
    """Its bucket is the one that the environment names, and a step that ends with 75 is started again."""

    @property
    def store(self) -> Store:
        return open_store()

    def put(self, name: str, data: bytes) -> None:
        patient(lambda: self.store.put(f"incoming/late/{name}", data))

    def snapshot(self, run: str) -> tuple[str, str]:
        return patient(lambda: super(Remote, self).snapshot(run))

    def dataset(self, snapshot: str, run: str = "r") -> str:
        return patient(lambda: super(Remote, self).dataset(snapshot, run))

    def train(self, dataset: str, trial: dict[str, Any], run: str) -> dict[str, Any]:
        return patient(lambda: super(Remote, self).train(dataset, trial, run))

    def evaluate(self, dataset: str, result: dict[str, Any] | str, run: str = "r") -> str:
        return patient(lambda: super(Remote, self).evaluate(dataset, result, run))

    def judge(self, run: str, decision: str, dataset: str, scores: list[str]) -> str:
        """How the run has ended."""
        patient(lambda: promote.run(self.promote_arguments(dataset, scores, run, decision)))
        return str(patient(lambda: self.result(run))["outcome"])


def patient(step: Callable[[], T]) -> T:
    for _ in range(TRIES):
        try:
            return step()
        except AGAIN as error:
            last = error
    raise last


def scenario(world: Remote) -> tuple[str, list[str]]:
    """A first state, and a second that overwrites it: what the champion has learned, and the runs of its history."""
    ended = []
    for run, text in (("a", month("2013-01-01", 30, signal=0.4)), ("b", month("2013-01-01", 30, signal=3.0, seed=1)), ("c", b"")):
        if text:
            world.put("one.csv", text)
        ended.append(world.judge(run, *world.prepare(run)))
    assert ended == ["promoted", "promoted", "already-trained"]
    history = patient(lambda: champion.history(world.store, "late"))
    trial = history[-1]["trial"]
    found = patient(lambda: trials.result(world.store, "late", trial))
    assert found is not None
    return found["state"], [each["run"] for each in history]


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[str]]]:
    folder = tmp_path_factory.mktemp("quiet")
    (folder / "out").mkdir()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RETRAIN_BUCKET", f"file://{folder / 'bucket'}")
        yield scenario(Remote(folder / "bucket", folder / "out"))


@pytest.fixture
def proxy(server: SeaweedFS, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Proxy]:
    """In front of a bucket of the test's own."""
    told_of(server, monkeypatch)
    made = Proxy(server.environment["AWS_ENDPOINT_URL_S3"])
    name = request.node.callspec.id.replace("_", "-")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", made.url)
    monkeypatch.setenv("RETRAIN_BUCKET", name)
    boto3.client("s3").create_bucket(Bucket=name)
    yield made
    made.close()


@pytest.mark.slow
@pytest.mark.campaign
@pytest.mark.parametrize(
    ("faults", "met"),
    [
        pytest.param(Faults(throttled=0.03), "throttled", id="throttled"),
        pytest.param(Faults(lost=0.25), "lost", id="lost-answers"),
        pytest.param(Faults(cut=0.1), "cut", id="cut-answers"),
        pytest.param(Faults(latency=0.05), "requests", id="latency"),
    ],
)
def test_the_champion_is_that_of_a_quiet_run(proxy: Proxy, quiet: tuple[str, list[str]], tmp_path: Path, faults: Faults, met: str) -> None:
    with proxy.failing(faults):
        assert scenario(Remote(tmp_path, tmp_path)) == quiet
    assert proxy.met[met] >= 3, proxy.met


@pytest.mark.slow
@pytest.mark.parametrize("name", ["away"])
def test_a_bucket_that_is_away_for_a_while_is_waited_for(proxy: Proxy, quiet: tuple[str, list[str]], tmp_path: Path, name: str) -> None:
    back = threading.Timer(AWAY, lambda: setattr(proxy, "faults", Faults()))
    proxy.faults = Faults(away=True)
    back.start()
    assert scenario(Remote(tmp_path, tmp_path)) == quiet
    back.join()
    assert proxy.met[name] >= 3, proxy.met
