"""An engine on a state folder of its own under a supervisor: started again whenever it ends, as systemd would. Its users are patient."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.campaign.scenario import MODELS, Action, spec
from tests.e2e.repository import Repository

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 240.0
# what is told to wait for minutes or hours waits for seconds in the copy of the handlers that the campaign runs
SHORTER = {
    "handlers/heal.py": {"GRACE = 120.0": "GRACE = 2.0", "BETWEEN = 900.0": "BETWEEN = 0.0", "ATTEMPTS = 3 ": "ATTEMPTS = 60 "},
    "handlers/runs/claim.py": {
        "BEAT_SECONDS = 20.0": "BEAT_SECONDS = 2.0",
        "DEAD_AFTER_SECONDS = 900.0": "DEAD_AFTER_SECONDS = 15.0",
        "WAITS_SECONDS = 6 * 3600.0": "WAITS_SECONDS = 25.0",
    },
    "workflowtemplates/step.yaml": {'duration: "5s"': 'duration: "1s"'},
}


def until(there: Callable[[], object], what: Callable[[], object], patience: float = PATIENCE, pause: float = 0.1) -> None:
    """Return once it is there; an error of the way there is tried again until patience ends."""
    end = time.monotonic() + patience
    while True:
        last: object = ""
        try:
            if there():
                return
        except AssertionError:
            raise
        except Exception as error:  # whoever is asked may have been killed this moment
            last = f"{type(error).__name__}: {error}"
        assert time.monotonic() < end, f"{what()} {last}"
        time.sleep(pause)


class Site:
    """The repository's copy, its engine, and who starts that again. `bucket`: the variables of a bucket that is not the engine's own, and
    `through` the address at which the engine has it."""

    def __init__(self, folder: Path, epochs: int = 40, bucket: Mapping[str, str] | None = None, through: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.repository = Repository(folder)
        self.folder = folder
        self.repository.environment["PYTHONPATH"] = os.pathsep.join((str(folder), str(ROOT / "src")))
        self.state = self.repository.state
        for name, changes in SHORTER.items():
            path = folder / name
            text = path.read_text(encoding="utf-8")
            for old, new in changes.items():
                assert text.count(old) == 1, f"{name}: {old}"
                text = text.replace(old, new)
            path.write_text(text, encoding="utf-8")
        for model in MODELS:
            (folder / "models" / f"{model}.yaml").write_text(spec(model, epochs), encoding="utf-8")
        self.bucket = dict(bucket or {})
        if bucket is not None:
            self._use({**bucket, "AWS_ENDPOINT_URL_S3": through or bucket["AWS_ENDPOINT_URL_S3"]})
        self.engine: subprocess.Popen[bytes] | None = None
        self.codes: list[int] = []  # of engines that ended before they were asked to
        self.answered: set[str] = set()  # ids of events that a webhook answered with 200
        self._stopping = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, daemon=True)

    def _use(self, bucket: dict[str, str]) -> None:
        """A Secret `s3` that names the bucket, and an EventSource that lists it."""
        overlay = self.folder / "overlays" / "laptop"
        (overlay / "s3.yaml").write_text(
            json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s3"}, "stringData": bucket}), encoding="utf-8"
        )
        made = overlay / "kustomization.yaml"
        made.write_text(made.read_text(encoding="utf-8").replace("- ../../rbac\n", "- ../../rbac\n- s3.yaml\n"), encoding="utf-8")
        source = self.folder / "eventsources" / "bucket.yaml"
        text = source.read_text(encoding="utf-8").replace("endpoint: s3:8333", f"endpoint: {bucket['AWS_ENDPOINT_URL_S3'][7:]}")
        source.write_text(text, encoding="utf-8")

    # ------------------------------------------------------------------------------------------ the engine

    def __enter__(self) -> Site:
        self._supervisor.start()
        until(self.info, self.log)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        if self.engine is not None:
            self.engine.terminate()
        self._supervisor.join(120)
        assert not self._supervisor.is_alive(), "the engine does not end"

    def _supervise(self) -> None:
        command = [sys.executable, "-m", "retrain.cli", "up", "--ports", "free", "--state", "s"]
        while not self._stopping.is_set():
            with (self.folder / "up.log").open("ab") as log:
                self.engine = subprocess.Popen(
                    command, cwd=self.folder, env=self.repository.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
                )
            code = self.engine.wait()
            if not self._stopping.wait(0.1):
                self.codes.append(code)

    def log(self) -> str:
        """The end of what the engines have said."""
        return (self.folder / "up.log").read_text(encoding="utf-8", errors="replace")[-3000:]

    def broken(self) -> list[str]:
        """Ends of engines that no kill explains. One whose bucket's server is killed while it starts, or whose disk is full, gives up and
        says so."""
        said = (self.folder / "up.log").read_text(encoding="utf-8", errors="replace")
        found = [f"an engine ended with {code}: {self.log()}" for code in self.codes if code not in (-9, 1)]
        found += [f"an engine gave up, and nothing says why: {self.log()}"] * (self.codes.count(1) > said.count("\nretrain: "))
        return found + [f"an engine has failed: {self.log()}"] * ("Traceback" in said)

    def local(self) -> Any:
        """The engine's own paths."""
        from retrain.client.connect import local_engine

        return local_engine(self.state)

    def info(self) -> Any:
        return self.local().info()

    def workflows(self) -> list[dict[str, Any]]:
        from retrain.client.connect import argo_server

        return argo_server(self.state).workflows().items

    # ------------------------------------------------------------------------------------------ its users

    def do(self, action: Action) -> None:
        """Do it, again and again until it is acknowledged."""
        doing = {"put": self._put, "delete": self._delete, "post": self._post, "tick": self._tick}[action.kind]
        until(lambda: doing(action), lambda: f"{action.kind} {action.name} is not acknowledged:\n{self.log()}")

    def s3(self) -> Any:
        """A client with no patience of its own."""
        import boto3
        from botocore.config import Config

        env = self.bucket or json.loads((self.state / "env.json").read_text(encoding="utf-8"))
        names = {"aws_access_key_id": "ACCESS_KEY_ID", "aws_secret_access_key": "SECRET_ACCESS_KEY", "region_name": "DEFAULT_REGION"}
        keys = {name: env[f"AWS_{variable}"] for name, variable in names.items()}
        config = Config(retries={"max_attempts": 1, "mode": "standard"}, connect_timeout=2, read_timeout=10)
        return boto3.client("s3", endpoint_url=env["AWS_ENDPOINT_URL_S3"], config=config, **keys)

    def _put(self, action: Action) -> bool:
        with contextlib.closing(self.s3()) as client:
            client.put_object(Bucket="retrain", Key=action.name, Body=action.body.encode())
        return True

    def _delete(self, action: Action) -> bool:
        with contextlib.closing(self.s3()) as client:
            client.delete_object(Bucket="retrain", Key=action.name)
        return True

    def _post(self, action: Action) -> bool:
        environment = self.info()["environment"]
        event = {"specversion": "1.0", "id": action.name, "source": "/campaign", "type": "asked", "data": {"model": action.model}}
        headers = {"Authorization": f"Bearer {environment['RETRAIN_WEBHOOK_TOKEN']}", "Content-Type": "application/cloudevents+json"}
        answer = httpx.post(environment["RETRAIN_WEBHOOK_URL"], json=event, headers=headers, timeout=10, trust_env=False)
        if answer.status_code == 200:
            self.answered.add(action.name)
        return answer.status_code == 200

    def _tick(self, action: Action) -> bool:
        self.local().tick(action.name)
        return True
