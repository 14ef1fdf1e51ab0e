"""The pod host: it outlives the engine, and nothing outlives it. Every kill here is a real SIGKILL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from localargo.runners import processes
from localargo.runners.hostlink import HostLink
from localargo.runners.podfolder import PodFolder
from tests.unit.localargo.runners.podtools import Make, alive, hosts_of, of_the_interpreter, pod, sh, show
from tests.waiting import until

ENGINE = """
import asyncio, sys
sys.path[:0] = {paths!r}
from pathlib import Path
from localargo.artifacts.stage import BucketArtifacts
from localargo.runners.client import ProcessPods
from tests.unit.localargo.runners.podtools import pod, sh

async def bucket():
    raise AssertionError("not needed")

async def main():
    pods = ProcessPods(Path({state!r}), BucketArtifacts(bucket), print, lambda node, at: print("running", node, flush=True))
    await pods.start()
    {body}
    await asyncio.sleep(600)

asyncio.run(main())
"""


def engine(tmp_path: Path, body: str) -> subprocess.Popen[str]:
    """An engine in a process of its own, so that it can be killed."""
    paths = [p for p in sys.path if p]
    code = ENGINE.format(paths=paths, state=str(tmp_path / "state"), body=textwrap.indent(body, "    ").strip())
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=tmp_path)


def until_running(process: subprocess.Popen[str], count: int) -> None:
    """Wait until it has told of so many running pods."""
    assert process.stdout is not None
    for _ in range(count):
        assert process.stdout.readline().startswith("running")


def kill_engine(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def containers(tmp_path: Path) -> list[int]:
    """Process ids of the containers that the only host runs, in the order of their start."""
    (host,) = hosts_of(tmp_path / "state")
    return processes.children(host)


async def test_pods_outlive_a_killed_engine_and_their_exit_codes_are_learnt(make: Make, tmp_path: Path) -> None:
    body = """
await pods.ensure(sh("quick", "echo started; sleep 0.4; exit 65"))
await pods.ensure(sh("long", "echo started; while ! test -e /tmp/go; do sleep 0.02; done; exit 7"))
"""
    process = engine(tmp_path, body)
    until_running(process, 2)
    kill_engine(process)
    assert containers(tmp_path)
    kept = make()
    await kept.pods.start()
    await kept.pods.ensure(sh("long", "echo this is not run a second time"))
    assert kept.running["id-long"] == PodFolder(kept.pods.pods, "long").read_started()["at"]
    ended = await kept.run(sh("quick", "echo nor is this"))
    assert ended.containers[0].exit_code == 65
    (kept.pods.pods / "long/upper/tmp/go").touch()
    assert (await kept.ended("long")).containers[0].exit_code == 7
    assert await kept.log("long") == "started\n"
    await kept.pods.close(kill=True)
    assert hosts_of(tmp_path / "state") == []


async def test_an_end_without_any_engine_is_learnt(make: Make, tmp_path: Path) -> None:
    process = engine(tmp_path, 'await pods.ensure(sh("a", "sleep 0.3; exit 3"))')
    until_running(process, 1)
    kill_engine(process)
    await until(PodFolder(tmp_path / "state/pods", "a").exit.exists)
    kept = make()
    await kept.pods.start()
    assert kept.exits == {}  # told when it is asked for
    assert (await kept.run(sh("a", "exit 0"))).containers[0].exit_code == 3
    await kept.pods.close(kill=True)


async def test_with_the_host_its_pods_end_and_are_lost(make: Make, tmp_path: Path) -> None:
    kept = make()
    await kept.pods.start()
    for name, n in (("a", f"8{os.getpid()}"), ("b", f"9{os.getpid()}")):  # no other process on this machine sleeps as long
        await kept.pods.ensure(sh(name, f"sleep {n}1 & setsid sleep {n}2 & (setsid sleep {n}3 &); {show(f'sleep {n}[123]', 3)}; wait"))
    await until(lambda: all(len(kept.written(name).split()) >= 3 for name in ("a", "b")))
    left = [int(p) for name in ("a", "b") for p in (await kept.log(name)).split()]
    (host,) = hosts_of(tmp_path / "state")
    left += containers(tmp_path)
    os.kill(host, signal.SIGKILL)
    for name in ("a", "b"):
        ended = await kept.ended(name)
        assert (ended.lost, ended.containers, ended.error) == (True, (), "")
    await until(lambda: not any(alive(pid) for pid in left))
    again = await kept.run(sh("c", "exit 4"))  # a new host is started
    assert again.containers[0].exit_code == 4
    await kept.pods.close(kill=True)


async def test_host_and_engine_both_killed(make: Make, tmp_path: Path) -> None:
    n = f"7{os.getpid()}"
    process = engine(tmp_path, f'await pods.ensure(sh("a", "(setsid sleep {n}1 &); exec sleep {n}2"))')
    until_running(process, 1)
    (host,) = hosts_of(tmp_path / "state")
    main = containers(tmp_path)[0]
    kill_engine(process)
    os.kill(host, signal.SIGKILL)
    await until(lambda: not alive(main))
    kept = make()
    await kept.pods.start()
    await until(lambda: subprocess.run(["pgrep", "-fx", f"sleep {n}1"], stdout=subprocess.DEVNULL, check=False).returncode != 0)
    assert (await kept.run(sh("a", "exit 0"))).lost
    await kept.pods.close(kill=True)


async def test_a_pod_that_was_staged_but_never_started_is_started(make: Make, tmp_path: Path) -> None:
    first = make(slots=0)
    await first.pods.start()
    await first.pods.ensure(sh("a", "echo ran; exit 5"))
    assert PodFolder(first.pods.pods, "a").state() == "staged"
    await first.pods.close(kill=False)
    second = make()
    await second.pods.start()
    assert (await second.run(sh("a", "echo ran; exit 5"))).containers[0].exit_code == 5
    assert await second.log("a") == "ran\n"
    await second.pods.close(kill=True)


async def test_a_host_ends_itself_when_nobody_comes_back(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("localargo.runners.hostlink.LINGER_SECONDS", 0.2)
    kept = make()
    await kept.run(pod("a", "true"))
    (host,) = hosts_of(tmp_path / "state")
    for link in kept.pods._links.values():
        await link.close()  # as if the engine were gone: no good-bye
    await until(lambda: not alive(host))
    assert list((tmp_path / "state/hosts").glob("*.sock")) == []


async def test_a_host_of_older_code_runs_its_pods_to_their_end_and_goes(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = make()
    old = HostLink(kept.pods.hosts, "plain-0123456789ab.sock", (), lambda line: None, kept.pods._lost_host)
    await old.ready()
    monkeypatch.setattr(kept.pods, "_socket", lambda kind: f"{kind}-0123456789ab.sock")
    await kept.pods.ensure(sh("a", "while ! test -e /tmp/go; do sleep 0.02; done; exit 6"))
    await until(PodFolder(kept.pods.pods, "a").started.exists)
    for link in [old, *kept.pods._links.values()]:
        await link.close()
    new = make()
    await new.pods.start()
    await new.pods.ensure(sh("a", "exit 0"))
    assert (await new.run(sh("b", "exit 1"))).containers[0].exit_code == 1
    assert len(hosts_of(tmp_path / "state")) == 2
    (new.pods.pods / "a/upper/tmp/go").touch()
    assert (await new.ended("a")).containers[0].exit_code == 6
    await until(lambda: len(hosts_of(tmp_path / "state")) == 1)
    await new.pods.close(kill=True)


async def test_sigterm_to_the_host_stops_its_pods_in_order(make: Make, tmp_path: Path) -> None:
    kept = make()
    await kept.pods.ensure(sh("a", "trap 'exit 143' TERM; echo up; sleep 60 & wait"))
    await until(lambda: kept.written("a"))
    os.kill(hosts_of(tmp_path / "state")[0], signal.SIGTERM)
    assert (await kept.ended("a")).containers[0].exit_code == 143
    await until(lambda: not hosts_of(tmp_path / "state"))
    await kept.pods.close(kill=True)


async def test_nonsense_on_the_socket_harms_nobody(make: Make) -> None:
    kept = make()
    await kept.run(pod("a", "true"))
    link = next(iter(kept.pods._links.values()))
    nonsense: list[Any] = [{}, {"op": "dance"}, {"op": "stop"}, {"op": "run"}, []]
    for request in nonsense:
        assert "error" in await link.request(request)
    (answer,) = (await link.request({"op": "run", "folders": ["/no/such"]}))["answers"]
    assert "error" in answer
    assert (await kept.run(pod("b", "true"))).containers[0].exit_code == 0
    await kept.pods.close(kill=True)


def test_state_folders_with_long_names_have_hosts_too(tmp_path: Path) -> None:
    deep = tmp_path / ("long" * 30)
    deep.mkdir()
    process = engine(deep, 'await pods.ensure(pod("a", "true"))')
    until_running(process, 1)
    kill_engine(process)
    for host in hosts_of(deep / "state"):
        os.kill(host, signal.SIGKILL)


async def test_an_engine_that_did_not_listen_is_let_go_and_comes_back(make: Make, tmp_path: Path) -> None:
    kept = make()
    await kept.pods.ensure(sh("a", "while ! test -e /tmp/go; do sleep 0.02; done; exit 6"))
    await until(PodFolder(kept.pods.pods, "a").started.exists)
    link = next(iter(kept.pods._links.values()))
    assert link._writer is not None
    link._writer.close()  # the connection breaks, the host lives
    await until(lambda: link.connected)
    (kept.pods.pods / "a/upper/tmp/go").touch()
    assert (await kept.ended("a")).containers[0].exit_code == 6
    await kept.pods.close(kill=True)
    assert hosts_of(tmp_path / "state") == []


async def test_what_a_killed_engine_left_half_staged_is_staged_anew(make: Make) -> None:
    kept = make()
    folder = PodFolder(kept.pods.pods, "a")
    folder.create("upper", "upper/tmp")
    (folder.upper / "tmp/half").touch()
    await kept.run(sh("a", "ls /tmp; echo done"))
    assert (await kept.log("a")).split() == [*of_the_interpreter(), "done"]
    await kept.pods.close(kill=True)


async def test_a_container_without_a_command_is_refused(make: Make) -> None:
    kept = make()
    assert "no command. Images are not pulled here" in (await kept.run(pod("a"))).error
    await kept.pods.close(kill=True)
