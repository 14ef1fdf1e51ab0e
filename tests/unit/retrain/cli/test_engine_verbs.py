import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import boto3
import httpx
import pytest

from localargo.store import lock_holder
from tests.unit.retrain.cli.driver import HEAD, MANIFEST, Engine, call, end, interrupt, screen, serve, start, unread


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_signal_ends_the_engine_and_the_verbs_say_so(tmp_path: Path, number: int, expected: int) -> None:
    engine = serve(tmp_path)
    code, told = end(engine, number)
    assert code == expected
    assert "what is under way goes on at the next `retrain up`" in told
    refused = engine.call("list")
    assert refused.exit_code == 1
    assert "retrain up --state" in refused.stderr


def test_down_says_stopped_when_the_engine_has_let_its_folder_go(tmp_path: Path) -> None:
    engine = serve(tmp_path)
    assert engine.ok("down") == "stopped\n"
    assert lock_holder(engine.state) is None
    assert not (engine.state / "engine.sock").exists()
    assert engine.process.wait(120) == 0
    end(engine)
    refused = engine.call("down")
    assert refused.exit_code == 1
    assert "no engine runs on" in refused.stderr


ROOT = Path(__file__).parents[4]
LEAVES = HEAD % "leaves" + "  - name: main\n    http: {url: 'http://%s/', timeoutSeconds: 5}\n"


def test_up_serves_its_api_and_pages_pauses_a_source_and_calls_the_hosts_it_was_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETRAIN_BUCKET", f"file://{tmp_path}/bucket")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    more = ("--pause", "clock", "--allow-host", "allowed.invalid", "--page", "0")
    engine = serve(tmp_path, MANIFEST, "--listen", "127.0.0.1:0", *more)
    assert engine.process.stderr is not None
    told = re.fullmatch(r"the API is on (http://127\.0\.0\.1:\d+), its bearer token in s/token\n", engine.process.stderr.readline())
    assert told
    path = f"{told[1]}/localargo/v1/info"
    assert httpx.get(path).status_code == 401
    token = (engine.state / "token").read_text(encoding="utf-8")
    assert httpx.get(path, headers={"Authorization": f"Bearer {token}"}).json()["pid"] == engine.process.pid
    assert {s["source"]: s["state"] for s in engine.json("sources")} == {"clock": "paused", "hook": "running"}
    ended = {}
    for host in ("allowed.invalid", "other.invalid"):
        (tmp_path / "w.yaml").write_text(LEAVES % host, encoding="utf-8")
        told_of = engine.call("submit", str(tmp_path / "w.yaml"), "--wait", "-o", "json")
        assert told_of.exit_code == 1
        ended[host] = json.loads(told_of.stdout)["items"][0]["status"]["message"]
    assert "other.invalid is neither this machine nor an allowed host" in ended["other.invalid"]
    assert "nor an allowed host" not in ended["allowed.invalid"]
    assert "allowed.invalid" in ended["allowed.invalid"]
    page = engine.process.stderr.readline().strip()
    assert "<h1>Overview</h1>" in httpx.get(page, timeout=60).text
    assert end(engine)[0] == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(page)


def test_on_a_terminal_up_tells_where_its_sources_listen(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(MANIFEST, encoding="utf-8")
    code, told = screen(
        100,
        30,
        {"ready": interrupt},
        "up",
        str(tmp_path / "all.yaml"),
        "--state",
        str(tmp_path / "s"),
        "--ports",
        "free",
        "--pause",
        "clock",
    )
    assert code == 130
    clock, hook, ready = told.splitlines()[:3]
    assert (clock, ready) == ("clock/yearly (calendar) paused", "ready")
    assert re.fullmatch(r"hook/said \(webhook\) running on http://127\.0\.0\.1:\d+/said", hook)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--listen", "0.0.0.0:2746"], "listen address 0.0.0.0:2746: expected HOST:PORT with a loopback address"),
        (["--pause", "nobody"], "cannot pause nobody: no such EventSource; there are clock, hook"),
        (["--ports", "some"], "'some' is not one of 'manifest', 'free'"),
    ],
)
def test_wrong_usage_of_up_ends_with_2(tmp_path: Path, arguments: list[str], told: str) -> None:
    (tmp_path / "all.yaml").write_text(MANIFEST, encoding="utf-8")
    refused = call("up", str(tmp_path / "all.yaml"), "--state", str(tmp_path / "s"), *arguments)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert told in refused.stderr


def test_ctrl_c_ends_a_watch_with_130(engine: Engine) -> None:
    name = engine.waiting()
    process = engine.popen("watch", name)
    assert process.stdout is not None
    assert "Running" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode == 130
    engine.ok("terminate", name)


def test_a_stream_that_ends_early_names_the_engine(tmp_path: Path) -> None:
    engine = serve(tmp_path)
    name = engine.waiting()
    process = engine.popen("watch", name)
    assert process.stdout is not None
    assert "Running" in process.stdout.readline()
    end(engine)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "retrain up --state" in told


def test_up_without_manifests_is_wrong_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused = call("up")
    assert refused.exit_code == 2
    assert "no overlays/laptop here" in refused.stderr


def test_a_second_engine_on_the_state_is_refused(engine: Engine) -> None:
    second = start(engine.folder, "up", "all.yaml", "--state", "s", "--ports", "free")
    _, told = second.communicate(timeout=120)
    assert second.returncode == 1
    assert told.startswith(f"retrain: s is in use by an engine with process id {engine.process.pid}: ")


def test_env_without_a_bucket_tells_of_the_webhook_alone(engine: Engine) -> None:
    told = engine.call("env")
    assert (told.exit_code, told.stderr) == (0, "no bucket runs: none of the engine's manifests needs one yet\n")
    url, token = told.stdout.splitlines()
    assert url == f"export RETRAIN_WEBHOOK_URL={next(s['where'] for s in engine.json('sources') if s['source'] == 'hook')}"
    assert re.fullmatch(r"export RETRAIN_WEBHOOK_TOKEN=\S+", token)


@pytest.mark.slow
def test_env_is_what_a_shell_and_any_s3_client_need(bucketed: Engine) -> None:
    script = f"eval \"$({sys.executable} -m retrain.cli env --state '{bucketed.state}')\" && env -0"
    shown = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, timeout=120).stdout
    environment = dict(line.split("=", 1) for line in shown.split("\0") if line)
    client = boto3.client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL_S3"],
        region_name=environment["AWS_DEFAULT_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )
    client.put_object(Bucket=environment["RETRAIN_BUCKET"], Key="elsewhere/a", Body=b"1")
    assert client.get_object(Bucket=environment["RETRAIN_BUCKET"], Key="elsewhere/a")["Body"].read() == b"1"


def test_a_bucket_that_does_not_answer_says_what_starts_it(tmp_path: Path) -> None:
    with socket.socket() as taken:  # bound, but not listening: whoever connects is refused
        taken.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        (tmp_path / "env.json").write_text(json.dumps({"AWS_ENDPOINT_URL_S3": endpoint}), encoding="utf-8")
        for verb in (["models"], ["put", str(tmp_path / "env.json"), "--model", "m"]):
            refused = call(*verb, "--state", str(tmp_path))
            assert refused.exit_code == 1
            assert refused.stderr == f"retrain: the bucket in {tmp_path} does not run: start it with `retrain up --state {tmp_path}`\n"


def test_a_reader_that_is_gone_is_no_failure(engine: Engine, finished: str) -> None:
    for verb in (["get", finished], ["list", "-o", "json"], ["events"], ["logs", finished]):
        assert unread(*verb, "--state", str(engine.state)) == (0, ""), verb
