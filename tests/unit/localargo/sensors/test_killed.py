"""Kill -9 at a hundred random instants under load: whatever was answered with 200 acts once, and nothing acts twice."""

from __future__ import annotations

import asyncio
import collections
import http.client
import os
import random
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from localargo.eventbus.journal import Journal
from localargo.eventsources.sources import Sources
from localargo.sensors.listen import SensorListener
from localargo.sensors.triggers import Actor
from localargo.store import open_store

LIVES = 100
SEED = 20261124
SOURCE = "s"


def document(port: int) -> dict[str, Any]:
    hook = {"port": str(port), "endpoint": "/hook", "method": "POST"}
    return {"kind": "EventSource", "metadata": {"name": SOURCE}, "spec": {"webhook": {"hook": hook}}}


def trigger(name: str, metadata: dict[str, Any], dest: str, **more: Any) -> dict[str, Any]:
    resource = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata, "spec": {}}
    parameters = [{"src": {"dependencyName": "d", "dataKey": "body.id"}, "dest": dest, "operation": "append"}]
    return {"template": {"name": name, "k8s": {"source": {"resource": resource}, "parameters": parameters}}, **more}


SENSOR = {
    "kind": "Sensor",
    "metadata": {"name": "sensor"},
    "spec": {
        "dependencies": [{"name": "d", "eventSourceName": SOURCE, "eventName": "hook"}],
        "triggers": [
            trigger("named", {"name": "w-"}, "metadata.name", atLeastOnce=True),
            trigger("made", {"generateName": "made-"}, "metadata.annotations.id"),
        ],
    },
}


async def live(path: Path, schemas: list[str], shelf: type[Any], port: int, until_drained: bool) -> None:
    db = open_store(path, schemas)
    bus = Journal(db, time.time)
    listener = SensorListener(db, bus, Actor(shelf(db), shelf(db)), time.time)
    listener.open([SENSOR])
    sources = Sources(bus, time.time, "manifest")
    await sources.open([document(port)], lambda name, key: "", lambda source, spec: pytest.fail("no bucket"), [])
    if not until_drained:
        await asyncio.Event().wait()
    drained = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, look, bus, listener, drained)
    await drained.wait()
    await sources.close()
    await listener.close()
    db.close()


def look(bus: Journal, listener: SensorListener, drained: asyncio.Event) -> None:
    """Set `drained` once no event waits."""
    if any(row["lag"] for row in bus.lag(listener.subjects())):
        asyncio.get_running_loop().call_later(0.01, look, bus, listener, drained)
    else:
        drained.set()


def born(path: Path, schemas: list[str], shelf: type[Any], port: int, until_drained: bool) -> int:
    child = os.fork()
    if child:
        return child
    try:
        asyncio.run(live(path, schemas, shelf, port, until_drained))
        os._exit(0)
    finally:
        os._exit(1)


def post_until_killed(port: int, child: int, wanted: int, pause: float, numbers: list[int]) -> list[int]:
    """Post without a pause; once `wanted` posts were answered with 200, the child is killed `pause` seconds later, whatever it does then.

    The numbers that were answered; `numbers` holds the last one used.
    """
    answered: list[int] = []
    killer = threading.Timer(pause, os.kill, (child, signal.SIGKILL))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    deadline = time.monotonic() + 60
    while not killer.finished.is_set():
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            pytest.fail(f"{len(answered)} of {wanted} posts were answered")
        numbers[0] += 1
        try:
            connection.request("POST", "/hook", b'{"id":"%d"}' % numbers[0])
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):  # it does not listen yet, or was killed
            connection.close()
            time.sleep(0.002)
            continue
        assert response.status == 200
        answered.append(numbers[0])
        if len(answered) == wanted:
            killer.start()
    connection.close()
    killer.join()
    return answered


@pytest.mark.slow
def test_a_hundred_deaths_under_load(tmp_path: Path, schemas: list[str], new_shelf: type[Any]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    path, chance, numbers = tmp_path / "engine.db", random.Random(SEED), [0]
    answered: list[int] = []
    for _ in range(LIVES):
        child = born(path, schemas, new_shelf, port, until_drained=False)
        answered += post_until_killed(port, child, chance.randint(1, 20), chance.uniform(0, 0.03), numbers)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    last = born(path, schemas, new_shelf, port, until_drained=True)
    assert os.waitstatus_to_exitcode(os.waitpid(last, 0)[1]) == 0
    db = open_store(path, schemas)
    workflows = new_shelf(db).list("Workflow")
    db.close()
    named = {w["metadata"]["name"].removeprefix("w-") for w in workflows if w["metadata"]["name"].startswith("w-")}
    made = collections.Counter(w["metadata"]["annotations"]["id"] for w in workflows if "annotations" in w["metadata"])
    assert {str(n) for n in answered} - named == set()
    assert {str(n) for n in answered} - made.keys() == set()
    assert [number for number, count in made.items() if count != 1] == []
    assert named == made.keys()
