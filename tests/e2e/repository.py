"""A repository of its own (models, manifests, handlers) with a running engine, driven from outside as a user would."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.committed import copy_repository
from tests.waiting import wait_until

SPEC = """apiVersion: retrain/v1
kind: Model
metadata: {name: MODEL}
spec:
  task: binary
  data:
    sources:
      incoming: {prefix: incoming/MODEL/, format: csv, columns: {at: timestamp, x: float, kind: string, late: boolean}}
    key: [at]
    target: {column: late}
    split: {by: time, column: at, gap: 1d, valid: 3d, test: 4d}
  features: {x: {type: number, scale: standard}, kind: {type: category, default: other}}
  model: {estimator: sklearn.linear_model.SGDClassifier, params: {loss: log_loss, average: true}}
  search: {grid: {alpha: GRID}}
  trigger: {quiet: 2s}
  training: {epochs: EPOCHS, batch_rows: 64, shuffle: {parts: 4}}
  evaluate: {select_by: roc_auc}
  promote: {gate: {metric: roc_auc, at_least: 0.6, confidence: 0.9}}
"""


def rows(first: str, days: int, seed: int, a_day: int = 80) -> str:
    """CSV text: `late` follows from x and kind, with noise; the last row of a day is in its last hour."""
    chance = random.Random(seed)
    start = datetime.fromisoformat(first).replace(tzinfo=UTC)
    lines = ["at,x,kind,late"]
    for i in range(days * a_day):
        at = start + timedelta(days=1) * (i // a_day) + timedelta(seconds=86399 * (i % a_day) / (a_day - 1))
        x, kind = chance.gauss(0, 1), chance.choice("abc")
        late = chance.random() < 1 / (1 + 2.718281828 ** -(1.5 * x + (kind == "a")))
        lines.append(f"{at:%Y-%m-%dT%H:%M:%SZ},{x:.4f},{kind},{str(late).lower()}")
    return "\n".join(lines) + "\n"


class Repository:
    """A copy of this repository with one model, and the engine that runs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "s"
        self.process: subprocess.Popen[str] | None = None
        copy_repository(folder)
        for spec in (folder / "models").glob("*.yaml"):
            if spec.name != "kustomization.yaml":
                spec.unlink()
        self.environment = {**os.environ, "PYTHONPATH": str(folder), "NO_COLOR": "1"}

    def model(self, name: str = "tiny", epochs: int = 2, replaced: dict[str, str] | None = None, grid: str = "[1e-4, 1e-3]") -> None:
        text = SPEC.replace("MODEL", name).replace("EPOCHS", str(epochs)).replace("GRID", grid)
        for old, new in (replaced or {}).items():
            assert old in text
            text = text.replace(old, new)
        (self.folder / "models" / f"{name}.yaml").write_text(text, encoding="utf-8")

    def up(self, *more: str) -> None:
        command = [sys.executable, "-m", "retrain.cli", "up", "--ports", "free", "--state", "s", *more]
        log = (self.folder / "up.log").open("a", encoding="utf-8")
        self.process = subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=log, text=True)
        log.close()
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == "ready", (self.folder / "up.log").read_text(encoding="utf-8")

    def kill(self, number: int = signal.SIGKILL) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(120)
        if self.process.stdout:
            self.process.stdout.close()
        self.process = None
        return code

    def retrain(self, *arguments: str, ok: bool = True) -> str:
        ended = self._ended(*arguments)
        assert not ok or ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def errors(self, *arguments: str) -> str:
        """What a verb writes beside its answer."""
        return self._ended(*arguments).stderr

    def _ended(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "retrain.cli", *arguments, "--state", "s"]
        return subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False, timeout=240)

    def json(self, *arguments: str) -> Any:
        return json.loads(self.retrain(*arguments, "-o", "json"))

    def s3(self) -> Any:
        """A plain boto3 client, as any other process would have it."""
        import boto3

        env = json.loads((self.state / "env.json").read_text(encoding="utf-8"))
        names = {
            "aws_access_key_id": "AWS_ACCESS_KEY_ID",
            "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY",
            "region_name": "AWS_DEFAULT_REGION",
        }
        return boto3.client("s3", endpoint_url=env["AWS_ENDPOINT_URL_S3"], **{k: env[v] for k, v in names.items()})

    def put(self, key: str, text: str) -> None:
        client = self.s3()
        client.put_object(Bucket="retrain", Key=key, Body=text.encode())
        client.close()

    def objects(self, prefix: str) -> dict[str, Any]:
        client = self.s3()
        keys = [o["Key"] for o in client.list_objects_v2(Bucket="retrain", Prefix=prefix).get("Contents", [])]
        found = {k: client.get_object(Bucket="retrain", Key=k)["Body"].read() for k in keys if k.endswith(".json")}
        client.close()
        return {k: json.loads(v) for k, v in found.items()}

    def ended(self, trigger: str) -> dict[str, Any]:
        """The oldest Workflow of a trigger, once all of them have ended."""
        items: list[dict[str, Any]] = []

        def there() -> bool:
            items[:] = self.json("list", "-l", f"retrain/trigger={trigger}")["items"]
            return bool(items) and all((w.get("status") or {}).get("phase") in ("Succeeded", "Failed", "Error") for w in items)

        wait_until(there, lambda: self.retrain("list", ok=False) + self.retrain("get", ok=False))
        return min(items, key=lambda w: str(w["metadata"]["creationTimestamp"]))
