"""How a bucket tells of an upload: what each Sensor makes of the store's message, and the bucket to try with, run for real."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import boto3
import pytest

from handlers import heal
from localargo.bucket.weed import GRPC_OFFSET, choose_ports
from localargo.testing import Sensors
from tests.docs.pages import blocks
from tests.manifests.installs import ROOT, Doc, named, rendered, with_component
from tests.waiting import wait_until

AT = 1_750_000_007.5
STEPS = {"AWS_ACCESS_KEY_ID": "retrain-trial", "AWS_SECRET_ACCESS_KEY": "retrain-trial-secret"}
UPLOAD = {"AWS_ACCESS_KEY_ID": "retrain-upload", "AWS_SECRET_ACCESS_KEY": "retrain-upload-secret"}
TOKEN = "a-token"
WEED = Path(sys.executable).with_name("weed")


def made(sensors: Sensors, payload: Doc, at: float = AT) -> tuple[str, Doc] | None:
    """The run and the event that a message of the store makes, None where it makes nothing."""
    delivery = sensors.when(payload, source="bucket", at=at)
    if delivery.dropped:
        return None
    if not delivery.workflows:
        assert list(delivery.rejected) == ["bucket/event"]
        return None
    workflow = delivery.workflow
    return workflow.parameters["model"], json.loads(base64.b64decode(workflow.parameters["event"]))


@pytest.fixture
def posted(sensors: Sensors) -> Sensors:
    return sensors.given(*with_component("bucket-webhook"))


@pytest.fixture
def queued(sensors: Sensors) -> Sensors:
    """The queue's Sensor behind a source that gives the same payload: the embedded engine has no queue."""
    (sensor,) = [d for d in with_component("bucket-sqs") if (d.kind, d.name) == ("Sensor", "bucket")]
    return sensors.given(*(d for d in with_component("bucket-webhook") if (d.kind, d.name) != ("Sensor", "bucket")), sensor)


def body(document: Any) -> Doc:
    return {"header": {}, "body": document}


def record(key: str) -> Doc:
    """What S3, MinIO and Ceph send."""
    return {"Records": [{"eventTime": "2026-01-01T00:00:00Z", "s3": {"object": {"key": key, "eTag": "e1"}}}]}


def entry(path: str, **more: Any) -> Doc:
    """What SeaweedFS's filer sends."""
    found = {"attributes": {"mtime": 1_750_000_000}, "extended": {"Seaweed-X-Amz-ETag": "ZTE="}} | more
    return {"event_type": "create", "key": f"/buckets/retrain/{path}", "message": {"new_entry": found}}


@pytest.mark.parametrize("document", [record("incoming/flight-delay/a+b.csv"), entry("incoming/flight-delay/a+b.csv")])
def test_a_posted_notification_asks_for_a_run(posted: Sensors, document: Doc) -> None:
    found = made(posted, body(document))
    assert found is not None
    model, event = found
    assert model == "flight-delay"
    assert {event[name] for name in ("key", "etag", "reason", "source")} == {"incoming/flight-delay/a+b.csv", "e1", "upload", "bucket"}
    assert event["time"].startswith("202")


@pytest.mark.parametrize("document", [record("batches/flight-delay/b1/_READY"), entry("batches/flight-delay/b1/_READY")])
def test_a_posted_end_of_a_batch_asks_for_a_run(posted: Sensors, document: Doc) -> None:
    found = made(posted, body(document))
    assert found is not None
    assert (found[0], found[1]["key"], found[1]["reason"]) == ("flight-delay", "batches/flight-delay/b1/_READY", "batch")


def test_the_files_of_a_batch_do_not_reach_the_bus(posted: Sensors) -> None:
    delivery = posted.when(body(entry("batches/flight-delay/b1/part-0.csv")), source="bucket", at=AT)
    assert "filter.expression" in delivery.dropped


@pytest.mark.parametrize(
    "document",
    [
        record("models/flight-delay/x"),
        record("batches/flight-delay/b1/part-0.csv"),
        entry("batches/flight-delay/b1/part-0.csv"),
        entry("runs/flight-delay/r/_READY"),
        record("incoming/{{workflow.name}}/x"),
        entry("runs/flight-delay/x"),
        entry("incoming/flight-delay", is_directory=True),
        {"event_type": "create", "key": "/etc/passwd", "message": {"new_entry": {"attributes": {"mtime": 1}}}},
        {},
    ],
)
def test_a_posted_notification_of_something_else_makes_nothing(posted: Sensors, document: Doc) -> None:
    assert made(posted, body(document)) is None


def test_a_message_of_the_queue_asks_for_a_run_and_the_first_one_does_not(queued: Sensors) -> None:
    found = made(queued, body(record("incoming/flight-delay/a+b.csv")))
    assert found is not None
    assert (found[0], found[1]["key"], found[1]["etag"]) == ("flight-delay", "incoming/flight-delay/a+b.csv", "e1")
    ended = made(queued, body(record("batches/flight-delay/b1/_READY")), AT + 10)
    assert ended is not None
    assert (ended[0], ended[1]["reason"]) == ("flight-delay", "batch")
    for other in (
        record("batches/flight-delay/b1/part-0.csv"),
        {"Service": "Amazon S3", "Event": "s3:TestEvent"},
        record("models/flight-delay/x"),
    ):
        assert made(queued, body(other)) is None


def test_the_bucket_of_a_minio_install_is_that_of_the_values() -> None:
    events = named(with_component("bucket-minio"), "EventSource", "bucket")["spec"]["minio"]
    assert set(events) == {"upload", "batch"}
    for source in events.values():
        assert (source["endpoint"], source["bucket"]["name"], source["insecure"]) == ("s3.example.com:443", "retrain", False)


def test_a_bucket_that_tells_of_nothing_is_looked_at_every_two_minutes() -> None:
    documents = with_component("bucket-poll")
    assert named(documents, "EventSource", "schedule")["spec"]["calendar"]["heal"]["interval"] == "2m"
    sources = {d.name for d in documents if d.kind == "EventSource"}
    assert "bucket" not in sources
    waited_for = {dep["eventSourceName"] for d in documents if d.kind == "Sensor" for dep in d.doc["spec"]["dependencies"]}
    assert waited_for == sources
    (look,) = [t for t in named(documents, "WorkflowTemplate", "heal")["spec"]["templates"] if t["name"] == "look"]
    assert heal.arguments([word.replace("{{inputs.parameters.window}}", "1") for word in look["container"]["args"]]).poll


def test_where_the_bucket_posts_is_where_its_source_listens() -> None:
    documents = rendered("overlays/quickstart")
    source = named(documents, "EventSource", "bucket")["spec"]
    (port,) = source["service"]["ports"]
    address = f"http://bucket-eventsource-svc:{port['port']}{source['webhook']['upload']['endpoint']}"
    assert address == variables()["WEED_NOTIFICATION_WEBHOOK_ENDPOINT"]["value"]
    assert str(port["targetPort"]) == source["webhook"]["upload"]["port"]
    service = named(documents, "Service", "s3")["spec"]
    assert service["selector"].items() <= stateful()["spec"]["template"]["metadata"]["labels"].items()
    assert [each["port"] for each in service["ports"]] == [8333]


def test_a_webhook_has_a_service_and_in_production_an_address_of_its_own() -> None:
    source = named(rendered("."), "EventSource", "webhook")["spec"]
    (port,) = source["service"]["ports"]
    assert str(port["targetPort"]) == source["webhook"]["retrain"]["port"]
    (rule,) = named(rendered("overlays/production"), "Ingress", "webhook")["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    assert path["path"] == source["webhook"]["retrain"]["endpoint"]
    assert path["backend"]["service"] == {"name": "webhook-eventsource-svc", "port": {"number": port["port"]}}
    tls = named(rendered("overlays/production"), "Ingress", "webhook")["spec"]["tls"]
    assert tls == [{"hosts": [rule["host"]], "secretName": "webhook-tls"}]


# ------------------------------------------------------------------------------------------ the bucket to try with


def stateful() -> Doc:
    return named(rendered("overlays/quickstart"), "StatefulSet", "seaweedfs")


def container() -> Doc:
    (found,) = stateful()["spec"]["template"]["spec"]["containers"]
    return dict(found)


def variables() -> dict[str, Doc]:
    return {each["name"]: each for each in container()["env"]}


def environment(posts_to: str) -> dict[str, str]:
    """What the kubelet gives the container: Secrets read, `$(NAME)` of those before filled in."""
    known = {("s3", "RETRAIN_BUCKET"): "retrain", ("webhook-token", "token"): TOKEN}
    known |= {(secret, name): value for secret, keys in (("s3", STEPS), ("s3-upload", UPLOAD)) for name, value in keys.items()}
    found: dict[str, str] = {}
    for each in container()["env"]:
        if "valueFrom" in each:
            reference = each["valueFrom"]["secretKeyRef"]
            found[each["name"]] = known[reference["name"], reference["key"]]
        else:
            text = each["value"]
            for name, value in found.items():
                text = text.replace(f"$({name})", value)
            found[each["name"]] = text
    return found | {"WEED_NOTIFICATION_WEBHOOK_ENDPOINT": posts_to, "PATH": f"{WEED.parent}:{os.defpath}"}


@contextlib.contextmanager
def listener() -> Iterator[tuple[str, Queue[tuple[str, Doc]]]]:
    posts: Queue[tuple[str, Doc]] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            document = json.loads(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()
            posts.put((self.headers["authorization"], document))

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/upload", posts
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def snippet() -> str:
    """The Python with which docs/howto/kubernetes.md puts the first files."""
    page = ROOT / "docs/howto/kubernetes.md"
    (found,) = [block.text for block in blocks(page) if "<<'END'" in block.text]
    return found.split("<<'END'\n")[1].split("\nEND\n")[0]


def is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextlib.contextmanager
def running(folder: Path, posts_to: str) -> Iterator[str]:
    """The container's command with ports and a folder of this test; its postStart hook has ended and it says that it is ready."""
    ports = choose_ports()
    own = [f"-{name}.port={ports[name]}" for name in ("master", "volume", "filer", "s3")]
    own += [f"-{name}.port.grpc={ports[name] + GRPC_OFFSET}" for name in ("master", "volume", "filer", "s3")]
    words = [word.replace("/data", str(folder)).replace("=0.0.0.0", "=127.0.0.1") for word in container()["command"]]
    variables = environment(posts_to) | {"HOME": str(folder)}
    with (folder / "log").open("w") as log:
        server = subprocess.Popen([*words, *own], env=variables, stdout=log, stderr=log, cwd=folder)
    master = f"127.0.0.1:{ports['master']}.{ports['master'] + GRPC_OFFSET}"
    hook = [word.replace("127.0.0.1:9333", master) for word in container()["lifecycle"]["postStart"]["exec"]["command"]]
    try:
        for _ in range(2):  # a pod that is started again finds its bucket there
            subprocess.run(hook, env=variables, check=True, timeout=90, capture_output=True)
        endpoint = f"http://127.0.0.1:{ports['s3']}"
        wait_until(lambda: is_ready(endpoint + container()["readinessProbe"]["httpGet"]["path"]))
        yield endpoint
    finally:
        server.kill()
        server.wait(30)


@pytest.mark.skipif(not WEED.exists(), reason="SeaweedFS is not installed beside the interpreter")
def test_the_bucket_to_try_with_has_its_bucket_asks_for_keys_and_tells_of_uploads(tmp_path: Path, posted: Sensors) -> None:
    def client(keys: dict[str, str]) -> Any:
        return boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **{name.lower(): key for name, key in keys.items()})

    with listener() as (address, posts), running(tmp_path, address) as endpoint:
        s3, steps = client(UPLOAD), client(STEPS)
        assert [each["Name"] for each in s3.list_buckets()["Buckets"]] == ["retrain"]
        with pytest.raises(Exception, match=r"InvalidAccessKeyId|SignatureDoesNotMatch|AccessDenied"):
            client(dict.fromkeys(STEPS, "other")).list_buckets()
        steps.put_object(Bucket="retrain", Key="models/flight-delay/champion.json", Body=b"{}")
        s3.put_object(Bucket="retrain", Key="incoming/flight-delay/jan 1.csv", Body=b"a\n1\n")
        s3.put_object(Bucket="retrain", Key="batches/flight-delay/b1/_READY", Body=b"")
        s3.put_object(Bucket="retrain", Key="incoming/flight-delay/jan 1.csv", Body=b"a\n2\n")
        told = [posts.get(timeout=60) for _ in range(6)]
        script = snippet().replace("http://127.0.0.1:8333", endpoint).replace("/tmp/flights", str(tmp_path / "flights"))
        subprocess.run([sys.executable, "-c", script], check=True, timeout=120)
        assert steps.get_object(Bucket="retrain", Key="incoming/flight-delay/jan 1.csv")["Body"].read() == b"a\n2\n"
        for change in (steps.put_object, steps.delete_object):
            with pytest.raises(Exception, match="AccessDenied"):
                change(Bucket="retrain", Key="incoming/flight-delay/jan 1.csv")
        put = [each["Key"] for each in s3.list_objects_v2(Bucket="retrain", Prefix="incoming/flight-delay/2013")["Contents"]]
    assert put == [f"incoming/flight-delay/2013-0{month}.csv" for month in (1, 2, 3)]
    assert {token for token, _ in told} == {f"Bearer {TOKEN}"}
    asked = [made(posted, body(document), AT + 10 * number) for number, (_, document) in enumerate(told)]
    upload = ("flight-delay", "incoming/flight-delay/jan 1.csv")
    batch = ("flight-delay", "batches/flight-delay/b1/_READY")
    assert sorted((found[0], found[1]["key"]) for found in asked if found) == [batch, upload, upload]
