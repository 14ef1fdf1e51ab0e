"""Pods as processes: what a container sees, how it ends, what is kept of it."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from localargo.ports import Artifact, ArtifactLocation, Container, Mount, OutputParameter, PodSpec, StoredOutputs, Volume
from localargo.runners.supervise import DEADLINE_MESSAGE
from tests.unit.localargo.runners.podtools import FolderBucket, Make, alive, hosts_of, of_the_interpreter, pod, sh, show, there
from tests.waiting import until


async def test_exit_code_times_and_both_streams_in_order(make: Make) -> None:
    kept = make()
    before = time.time()
    ended = await kept.run(sh("a", "echo one; echo two >&2; echo three; exit 65"))
    (main,) = ended.containers
    assert (main.exit_code, main.reason, main.message) == (65, "Error", "")
    assert (ended.node_id, ended.workflow, ended.lost, ended.error) == ("id-a", "wf", False, "")
    assert before <= ended.started_at <= main.finished_at <= ended.finished_at <= time.time()
    assert kept.running["id-a"] == ended.started_at
    assert await kept.log("a") == "one\ntwo\nthree\n"
    await kept.pods.close(kill=True)


async def test_nothing_of_the_callers_environment_leaks(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_CALLER", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    kept = make()
    await kept.run(sh("a", "env; echo PYTHON=$(command -v python)", env={"GIVEN": "by the manifest"}))
    lines = dict(line.split("=", 1) for line in (await kept.log("a")).splitlines())
    assert set(lines) == {"PATH", "HOME", "TMPDIR", "LANG", "GIVEN", "PWD", "PYTHON"}  # sh itself sets PWD
    assert lines["GIVEN"] == "by the manifest"
    assert lines["PYTHON"] == str(Path(sys.executable).parent / "python")
    await kept.pods.close(kill=True)


async def test_the_machine_is_read_only_and_a_pod_sees_its_own_files_alone(make: Make, tmp_path: Path) -> None:
    kept = make()
    first = await kept.run(
        sh("first", "echo mine > /tmp/f; echo x > /etc/retrain-test; echo y > /retrain-top; cat /etc/retrain-test /retrain-top")
    )
    assert first.containers[0].exit_code == 0, await kept.log("first")
    line = f"ls /tmp /dev/shm; test ! -e /etc/retrain-test && test ! -e /retrain-top && test ! -e {tmp_path} && echo alone"
    await kept.run(sh("second", line))
    assert (await kept.log("second")).split() == ["/dev/shm:", "/tmp:", *of_the_interpreter(), "alone"]
    assert not there("/etc/retrain-test")
    assert not there("/retrain-top")
    await kept.pods.close(kill=True)


async def test_a_root_pod_cannot_undo_its_namespace(make: Make) -> None:
    kept = make()
    ended = await kept.run(sh("a", "mount -t tmpfs none /mnt || cat /proc/$PPID/root/etc/hostname || umount /etc; touch /sys/x || exit 9"))
    assert ended.containers[0].exit_code == 9
    await kept.pods.close(kill=True)


async def test_result_is_the_end_of_standard_output(make: Make) -> None:
    kept = make()
    spec = sh("a", "echo '[1, 2]'; echo noise >&2", capture_result=True)
    await kept.run(spec)
    assert (await kept.pods.collect(spec)).result == "[1, 2]"
    assert await kept.log("a") in ("[1, 2]\nnoise\n", "noise\n[1, 2]\n")
    long = pod("long", "python", "-c", "print('a' * 300_000 + 'END')", capture_result=True)
    await kept.run(long)
    result = (await kept.pods.collect(long)).result
    assert result is not None
    assert (len(result), result[-4:]) == (256 * 1024, "aEND")
    assert len(await kept.log("long")) == 300_004
    await kept.pods.close(kill=True)


async def test_scripts_volumes_environment_and_working_directory(make: Make) -> None:
    kept = make()
    main = Container(
        name="main",
        image="i",
        command=["sh"],
        script="cd /scratch; echo $(pwd) $A; cat /etc/model/settings.ini; touch /etc/model/new && exit 3; printf %s done > /scratch/o",
        env={"A": "b"},
        working_dir="/scratch/deep",
        mounts=[Mount("cm", "/etc/model", read_only=True), Mount("scratch", "/scratch"), Mount("cm", "/one", sub_path="settings.ini")],
    )
    spec = pod(
        "a",
        containers=[main],
        volumes=[Volume("cm", files={"settings.ini": "[a]\nb=1\n"}), Volume("scratch")],
        output_parameters=[
            OutputParameter("o", "/scratch/o"),
            OutputParameter("d", "/absent", default="x"),
            OutputParameter("one", "/one"),
        ],
    )
    ended = await kept.run(spec)
    assert ended.containers[0].exit_code == 0, await kept.log("a")
    assert (await kept.log("a")).startswith("/scratch b\n[a]\nb=1\n")
    assert await kept.pods.collect(spec) == StoredOutputs({"o": "done", "d": "x", "one": "[a]\nb=1"})
    await kept.pods.close(kill=True)


async def test_a_claim_outlives_the_pod(make: Make) -> None:
    kept = make()
    volume, mount = [Volume("v", claim="data")], [Mount("v", "/data")]
    await kept.run(sh("a", "echo kept > /data/x", volumes=volume, mounts=mount))
    await kept.pods.forget("a")
    await kept.run(sh("b", "cat /data/x", volumes=volume, mounts=mount))
    assert await kept.log("b") == "kept\n"
    await kept.pods.close(kill=True)


async def test_artifacts_travel_between_pods(make: Make, bucket: FolderBucket) -> None:
    kept = make()
    made = [
        Artifact("file", "/tmp/f", None),
        Artifact("dir", "/tmp/d", None),
        Artifact("plain", "/tmp/n", ArtifactLocation("s3", "my/n"), archive="none"),
    ]
    maybe = Artifact("maybe", "/tmp/absent", None, optional=True)
    first = sh(
        "make", "mkdir -p /tmp/d/sub; echo file > /tmp/f; echo two > /tmp/d/sub/two; echo plain > /tmp/n", output_artifacts=[*made, maybe]
    )
    await kept.run(first)
    left = await kept.pods.collect(first)
    assert left.error == ""
    assert {n: a.key for n, a in left.artifacts.items()} == {
        "file": "argo/wf/make/file.tgz",
        "dir": "argo/wf/make/dir.tgz",
        "plain": "my/n",
    }
    inputs = [Artifact(n, f"/tmp/in/{n}", a) for n, a in left.artifacts.items()]
    inputs += [Artifact("raw", "/tmp/in/raw", ArtifactLocation("raw", data="raw data\n")), Artifact("o", "/tmp/in/o", None, optional=True)]
    second = sh("read", "cd /tmp/in; cat file dir/sub/two plain raw; ls", inputs=inputs)
    await kept.run(second)
    assert await kept.log("read") == "file\ntwo\nplain\nraw data\ndir\nfile\nplain\nraw\n"
    await kept.pods.close(kill=True)


@pytest.mark.parametrize(
    ("artifact", "error"),
    [
        (Artifact("f", "/tmp/f", ArtifactLocation("s3", "no/such")), "init: Error (exit code 64): artifact f failed to load: "),
        (Artifact("f", "/tmp/f", None), "init: Error (exit code 64): required artifact 'f' not supplied"),
    ],
)
async def test_a_missing_input_is_an_error_of_the_pod(make: Make, artifact: Artifact, error: str) -> None:
    kept = make()
    ended = await kept.run(sh("a", "true", inputs=[artifact]))
    assert ended.error.startswith(error)
    assert ended.containers == ()
    assert (await kept.run(sh("a", "true", inputs=[artifact]))).error.startswith(error)
    await kept.pods.close(kill=True)


async def test_a_missing_output_is_said_as_argo_says_it(make: Make) -> None:
    kept = make()
    spec = pod("a", "true", output_artifacts=[Artifact("a", "/tmp/absent", None)], output_parameters=[OutputParameter("p", "/tmp/p")])
    await kept.run(spec)
    assert (
        await kept.pods.collect(spec)
    ).error == "wait: Error (exit code 64): parameter p failed to save: open /tmp/p: no such file or directory"
    await kept.pods.close(kill=True)


async def test_links_lead_into_the_pod_and_never_out(make: Make, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of the machine")
    kept = make()
    spec = sh(
        "a",
        f"mkdir /work-dir; echo in > /work-dir/x; ln -s /work-dir/x /tmp/good; ln -s {tmp_path}/secret /tmp/bad; ln -s loop /tmp/loop",
        output_parameters=[OutputParameter("good", "/tmp/good"), OutputParameter("bad", "/tmp/bad", default="nothing")],
    )
    await kept.run(spec)
    assert (await kept.pods.collect(spec)).parameters == {"good": "in", "bad": "nothing"}
    await kept.pods.close(kill=True)


async def test_a_file_that_is_no_program(make: Make) -> None:
    kept = make()
    raw = Artifact("x", "/tmp/x", ArtifactLocation("raw", data="no program"), mode=0o755)
    ended = await kept.run(pod("a", "/tmp/x", inputs=[raw]))
    (main,) = ended.containers
    assert main.exit_code == 64
    assert main.message.startswith("failed to start command: fork/exec ")
    assert main.message.endswith("/tmp/x: exec format error")
    await kept.pods.close(kill=True)


async def test_a_command_that_is_not_there(make: Make) -> None:
    kept = make()
    ended = await kept.run(pod("a", "no-such-command"))
    (main,) = ended.containers
    assert (main.exit_code, main.message) == (
        64,
        'failed to find name in PATH: exec: "no-such-command": executable file not found in $PATH',
    )
    ended = await kept.run(pod("b", "/no/such"))
    assert ended.containers[0].message == 'failed to find name in PATH: exec: "/no/such": stat /no/such: no such file or directory'
    await kept.pods.close(kill=True)


async def test_stop_is_sigterm_and_then_sigkill(make: Make) -> None:
    kept = make()
    await kept.pods.ensure(sh("kind", "trap 'echo told; exit 143' TERM; echo up; sleep 60 & wait"))
    await kept.pods.ensure(sh("deaf", "trap '' TERM; echo up; while :; do sleep 60; done"))
    await kept.pods.ensure(sh("plain", "echo up; exec sleep 60"))
    await until(lambda: all("up" in kept.written(name) for name in ("kind", "deaf", "plain")))
    for name, grace in {"kind": 60, "deaf": 0.1, "plain": 60}.items():
        await kept.pods.stop(name, grace)
        await kept.pods.stop(name, grace)
    codes = {name: (await kept.ended(name)).containers[0].exit_code for name in ("kind", "deaf", "plain")}
    assert codes == {"kind": 143, "deaf": 137, "plain": 143}
    assert await kept.log("kind") == "up\ntold\n"
    await kept.pods.stop("kind", 0.3)
    await kept.pods.stop("never-was", 0.3)
    await kept.pods.close(kill=True)


async def test_a_pod_stopped_before_it_starts_does_not_run(make: Make) -> None:
    kept = make(slots=1)
    await kept.pods.ensure(sh("first", "sleep 60"))
    await kept.pods.ensure(sh("second", "echo ran"))
    await kept.pods.stop("second", 1)
    assert (await kept.ended("second")).containers[0].exit_code == 143
    await kept.pods.stop("first", 0.1)
    await kept.ended("first")
    assert await kept.log("second") == ""
    await kept.pods.stop("third", 1)
    assert (await kept.run(sh("third", "echo ran"))).containers[0].exit_code == 143
    await kept.pods.close(kill=True)


async def test_deadline(make: Make) -> None:
    kept = make()
    ended = await kept.run(pod("a", "sleep", "60", deadline=time.time() + 0.3))
    (main,) = ended.containers
    assert (main.exit_code, main.reason, main.message) == (143, "DeadlineExceeded", DEADLINE_MESSAGE)
    await kept.pods.close(kill=True)


async def test_a_pod_that_ends_well_at_its_deadline(make: Make) -> None:
    kept = make()
    for seconds in (0.5, 5, 50):  # it needs the time to set its trap
        name = f"in-{seconds:.0f}"
        polite = await kept.run(sh(name, "trap 'exit 0' TERM; echo up; sleep 60 & wait", deadline=time.time() + seconds))
        if kept.written(name):
            break
    (main,) = polite.containers
    assert (main.exit_code, main.reason) == (0, "DeadlineExceeded")
    await kept.pods.close(kill=True)


async def test_told_to_end_at_a_time(make: Make) -> None:
    kept = make()
    ended = await kept.run(pod("a", "sleep", "60", stop_at=time.time() + 0.3))
    (main,) = ended.containers
    assert (main.exit_code, main.reason, main.message) == (143, "Error", "")
    await kept.pods.close(kill=True)


async def test_memory_limit_kills_and_says_what_to_raise(make: Make) -> None:
    kept = make()
    ended = await kept.run(pod("a", "python", "-c", "x = bytearray(200 << 20); import time; time.sleep(60)", memory_bytes=64 << 20))
    (main,) = ended.containers
    assert (main.exit_code, main.reason) == (137, "OOMKilled")
    assert "its limit is 64 MiB: raise resources.limits.memory of container main" in main.message
    within = await kept.run(pod("b", "python", "-c", "import time; time.sleep(0.5)", memory_bytes=64 << 20))
    assert within.containers[0].exit_code == 0
    await kept.pods.close(kill=True)


async def test_background_processes_and_those_that_fled_end_with_the_pod(make: Make) -> None:
    kept = make()
    n = f"9{os.getpid()}"  # no other process on this machine sleeps as long
    spec = sh("a", f"sleep {n}1 & setsid sleep {n}2 & (setsid sh -c 'exec sleep {n}3' &) ; {show(f'sleep {n}[123]', 3)}")
    ended = await kept.run(spec)
    assert ended.containers[0].exit_code == 0
    pids = [int(line) for line in (await kept.log("a")).split()]
    assert len(pids) == 3
    await until(lambda: not any(alive(pid) for pid in pids))
    await kept.pods.close(kill=True)


async def test_logs_are_followed_while_the_pod_runs(make: Make) -> None:
    kept = make()
    await kept.pods.ensure(sh("a", "echo 1; while ! test -e /tmp/go; do sleep 0.02; done; echo 2"))
    pieces = []
    async for data in kept.pods.logs("a", "main", follow=True):
        pieces.append(data)
        (kept.pods.pods / "a/upper/tmp/go").touch()
    assert pieces == [b"1\n", b"2\n"]
    assert await kept.log("a", follow=True) == "1\n2\n"
    assert await kept.log("unknown", follow=True) == ""
    await kept.pods.close(kill=True)


async def test_ensure_again_changes_nothing_and_tells_again(make: Make, tmp_path: Path) -> None:
    kept = make()
    spec = sh("a", "echo ran; sleep 0.2")
    await asyncio.gather(*(kept.pods.ensure(spec) for _ in range(5)))
    await kept.ended("a")
    del kept.exits["a"]
    await kept.run(spec)
    assert await kept.log("a") == "ran\n"
    await kept.pods.forget("a")
    assert await kept.log("a") == "ran\n"
    assert [p.name for p in (tmp_path / "state/pods/a").iterdir()] == ["log"]
    await kept.pods.close(kill=True)


async def test_more_pods_than_slots(make: Make) -> None:
    kept = make(slots=2)
    specs = [sh(f"p{i}", "exit 0") for i in range(12)]
    await asyncio.gather(*(kept.pods.ensure(s) for s in specs))
    for spec in specs:
        assert (await kept.ended(spec.name)).containers[0].exit_code == 0
    await kept.pods.close(kill=True)


async def test_hosts_without_pods_end_when_the_engine_lets_go(make: Make, tmp_path: Path) -> None:
    kept = make()
    await kept.run(pod("a", "true"))
    assert len(hosts_of(tmp_path / "state")) == 1
    await kept.pods.close(kill=False)
    await until(lambda: not hosts_of(tmp_path / "state"))


async def test_kubernetes_references_in_arguments(make: Make) -> None:
    kept = make()
    await kept.run(pod("a", "echo", args=["$(A) $$(A) $(NONE)"], env={"A": "b"}))
    assert await kept.log("a") == "b $(A) $(NONE)\n"
    await kept.pods.close(kill=True)


async def test_pods_run_without_namespaces_where_paths_are_arguments(make: Make) -> None:
    kept = make(isolation="never")
    spec = pod("a", "cp", "/tmp/in/f", "/data/out", inputs=[Artifact("f", "/tmp/in/f", ArtifactLocation("raw", data="x"))])
    spec = PodSpec(
        **{f: getattr(spec, f) for f in PodSpec.__dataclass_fields__} | {"output_parameters": [OutputParameter("o", "/data/out")]}
    )
    await kept.run(spec)
    assert (await kept.pods.collect(spec)).parameters == {"o": "x"}
    script = pod("s", containers=[Container("main", "i", ["python3"], script="print(6 * 7)")], capture_result=True)
    await kept.run(script)
    assert (await kept.pods.collect(script)).result == "42"
    refused = await kept.run(sh("b", "echo x > /tmp/o", output_parameters=[OutputParameter("o", "/tmp/o")]))
    assert "/tmp/o is used inside a command line" in refused.error
    await kept.pods.close(kill=True)
