"""An install on a cluster, made and used by what the docs say: `retrain render`, kubectl, boto3, a POST."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.committed import copy_repository
from tests.e2e.repository import SPEC

NAMESPACE = "retrain"
KEYS = {"aws_access_key_id": "retrain-upload", "aws_secret_access_key": "retrain-upload-secret", "region_name": "us-east-1"}
TOKEN = "retrain-trial-token"
ENDED = ("Succeeded", "Failed", "Error")
LOOK_SECONDS = 1.0  # between two looks at the cluster


class Install:
    """`overlays/quickstart` of a copy of this repository, in the namespace that it makes."""

    def __init__(self, folder: Path, context: str) -> None:
        self.folder = folder
        self.context = context
        copy_repository(folder)

    def model(self, name: str, epochs: int, replaced: dict[str, str]) -> None:
        """Write the spec of a model beside those of the repository."""
        text = SPEC.replace("MODEL", name).replace("EPOCHS", str(epochs)).replace("GRID", "[1e-4, 1e-3]")
        for old, new in replaced.items():
            assert old in text
            text = text.replace(old, new)
        (self.folder / "models" / f"{name}.yaml").write_text(text, encoding="utf-8")
        self._run(sys.executable, "-m", "retrain.cli", "lint", "--fix", "models")

    def apply(self) -> None:
        """What the docs say: `retrain render overlays/quickstart | kubectl apply --server-side -f -`."""
        rendered = self._run(sys.executable, "-m", "retrain.cli", "render", "overlays/quickstart")
        self.kubectl("apply", "--server-side", "-f", "-", text=rendered)

    def kubectl(self, *arguments: str, text: str | None = None) -> str:
        """The answer of kubectl in the install's namespace."""
        return self._run("kubectl", "--context", self.context, "-n", NAMESPACE, *arguments, text=text)

    def retrain(self, *arguments: str) -> str:
        """The answer of a verb, which reaches the bucket by a port that kubectl forwards."""
        with self.forwarded("s3", 8333) as address:
            command = [sys.executable, "-m", "retrain.cli", "--context", self.context, "-n", NAMESPACE]
            return self._run(*command, *arguments, more={"AWS_ENDPOINT_URL_S3": address})

    def json(self, *arguments: str) -> Any:
        """As `retrain`, as JSON."""
        return json.loads(self.retrain(*arguments, "-o", "json"))

    def _run(self, *command: str, text: str | None = None, more: dict[str, str] | None = None) -> str:
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "NO_COLOR": "1", **(more or {})}
        environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
        done = subprocess.run(command, cwd=self.folder, env=environment, input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def forwarded(self, service: str, port: int) -> Iterator[str]:
        """The address on loopback at which a Service answers, as long as the block lasts."""
        command = ["kubectl", "--context", self.context, "-n", NAMESPACE, "port-forward", f"service/{service}", f":{port}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as forward:
            try:
                assert forward.stdout is not None
                found = re.search(r"127\.0\.0\.1:(\d+)", forward.stdout.readline())
                assert found, forward.stderr.read() if forward.stderr else ""
                yield f"http://127.0.0.1:{found[1]}"
            finally:
                forward.terminate()

    def put(self, key: str, body: bytes) -> None:
        """Upload an object by boto3."""
        import boto3

        with self.forwarded("s3", 8333) as address:
            client = boto3.client("s3", endpoint_url=address, **KEYS)
            client.put_object(Bucket="retrain", Key=key, Body=body)
            client.close()

    def objects(self, prefix: str) -> dict[str, Any]:
        """The JSON documents below a prefix of the bucket."""
        import boto3

        with self.forwarded("s3", 8333) as address:
            client = boto3.client("s3", endpoint_url=address, **KEYS)
            pages = client.get_paginator("list_objects_v2").paginate(Bucket="retrain", Prefix=prefix)
            keys = [found["Key"] for page in pages for found in page.get("Contents", []) if found["Key"].endswith(".json")]
            documents = {key: json.loads(client.get_object(Bucket="retrain", Key=key)["Body"].read()) for key in keys}
            client.close()
        return documents

    def posted(self, model: str, reason: str) -> None:
        """Ask for a run by the webhook, again until it answers 200, as a sender does."""
        self.until(lambda: self._post(model, reason) == 200, 5, self.told)

    def _post(self, model: str, reason: str) -> int:
        """The status of the answer, 0 for none."""
        try:
            with self.forwarded("webhook-eventsource-svc", 12000) as address:
                said = {"model": model, "reason": reason}
                return httpx.post(f"{address}/retrain", json=said, headers={"Authorization": f"Bearer {TOKEN}"}).status_code
        except (AssertionError, httpx.TransportError):
            return 0

    def workflows(self, model: str) -> list[dict[str, Any]]:
        """The runs of a model, the oldest first."""
        items = json.loads(self.kubectl("get", "workflows", "-o", "json"))["items"]
        ours = [item for item in items if item["metadata"]["name"].startswith(f"retrain-{model}-")]
        return sorted(ours, key=lambda item: str(item["metadata"]["creationTimestamp"]))

    def ended(self, model: str, before: int) -> list[dict[str, Any]]:
        """The runs of a model beyond the `before` that there were, once they and their followers have ended."""
        found: list[dict[str, Any]] = []

        def there() -> bool:
            found[:] = self.workflows(model)[before:]
            return bool(found) and all(phase(item) in ENDED for item in found)

        self.until(there, 10, lambda: self.kubectl("get", "workflows,pods"))
        return found

    def pods(self, selector: str) -> list[str]:
        """The names of the pods that run and have these labels."""
        return self.kubectl(
            "get", "pods", "-l", selector, "--field-selector=status.phase=Running", "-o", "jsonpath={.items[*].metadata.name}"
        ).split()

    def training(self, run: str) -> list[str]:
        """The pods of a run in which a trial trains now: the handler has logged. A signal to a pod that has only just started is lost."""
        pods = [name for name in self.pods(f"workflows.argoproj.io/workflow={run}") if "-train-" in name]
        return [name for name in pods if '{"time"' in self.kubectl("logs", name, "-c", "main")]

    def until(self, there: Callable[[], object], minutes: float, instead: Callable[[], object]) -> None:
        """Return once `there()` is true; `instead` tells what is there when the time is over."""
        end = time.monotonic() + minutes * 60
        while not there():
            assert time.monotonic() < end, instead()
            time.sleep(LOOK_SECONDS)

    def started_anew(self) -> None:
        """What `retrain doctor` says to do when the bus has lost its streams with its pod."""
        self.until(lambda: "delete pods -l" in self._doctor(), 5, self.told)
        self.kubectl("delete", "pods", "-l", "controller in (eventsource-controller, sensor-controller)")
        self.until(lambda: "delete pods -l" not in self._doctor(), 5, self.told)
        self.ready()

    def _doctor(self) -> str:
        command = [sys.executable, "-m", "retrain.cli", "--context", self.context, "-n", NAMESPACE, "doctor"]
        environment = {**os.environ, "NO_COLOR": "1"}
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False).stdout

    def told(self) -> str:
        """What there is, for the message of a test that fails."""
        return self.kubectl("get", "workflows,pods")

    def ready(self) -> None:
        """Return once the bucket and the bus are ready, and every EventSource and every Sensor has a pod that runs."""
        for pod in ("seaweedfs-0", "eventbus-default-js-0"):
            self.kubectl("wait", "--for=create", f"pod/{pod}", "--timeout=5m")
            self.kubectl("wait", "--for=condition=Ready", f"pod/{pod}", "--timeout=5m")
        kinds = ("eventsource", "sensor")
        wanted = sum(len(self.kubectl("get", f"{kind}s", "-o", "name").split()) for kind in kinds)
        self.until(lambda: len(self.pods("controller in (sensor-controller,eventsource-controller)")) >= wanted, 5, self.told)

    @contextmanager
    def without_right(self, role: str, resource: str, verb: str) -> Iterator[None]:
        """A Role lacks a verb as long as the block lasts."""
        whole = json.loads(self.kubectl("get", "role", role, "-o", "json"))
        less = [{**rule, "verbs": [v for v in rule["verbs"] if resource not in rule["resources"] or v != verb]} for rule in whole["rules"]]
        rules = [rule for rule in less if rule["verbs"]]
        self.kubectl("patch", "role", role, "--type=merge", "-p", json.dumps({"rules": rules}))
        try:
            yield
        finally:
            self.kubectl("patch", "role", role, "--type=merge", "-p", json.dumps({"rules": whole["rules"]}))

    def pause(self, seconds: float) -> None:
        """Something is away for this long."""
        time.sleep(seconds)

    def gone(self) -> None:
        """Remove the install with its namespace."""
        self.kubectl("delete", "namespace", NAMESPACE)


def phase(workflow: dict[str, Any]) -> str:
    """The phase of a Workflow; none yet is the empty text."""
    return str((workflow.get("status") or {}).get("phase") or "")
