"""An engine started as a user would, and its verbs driven in this process."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner, Result

from retrain.cli import main
from tests.waiting import wait_until

MANIFEST = """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: say}
spec:
  entrypoint: say
  arguments: {parameters: [{name: message, value: hello}]}
  templates:
  - name: say
    inputs: {parameters: [{name: message, value: "{{workflow.parameters.message}}"}]}
    container: {image: alpine, command: [sh, -c], args: ["echo {{inputs.parameters.message}}"]}
---
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: hook}
spec:
  webhook:
    said: {port: "12900", endpoint: /said, method: POST}
---
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: clock}
spec:
  calendar:
    yearly: {schedule: "17 2 1 1 *", timezone: UTC}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: ear}
spec:
  dependencies:
  - {name: said, eventSourceName: hook, eventName: said}
  triggers:
  - template:
      name: say
      conditions: said
      k8s:
        operation: create
        source:
          resource:
            apiVersion: argoproj.io/v1alpha1
            kind: Workflow
            metadata: {generateName: heard-, labels: {heard: "yes"}}
            spec:
              workflowTemplateRef: {name: say}
              arguments: {parameters: [{name: message, value: ""}]}
        parameters:
        - {src: {dependencyName: said, dataKey: body.message}, dest: spec.arguments.parameters.0.value}
"""
BUCKET = """
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: drop}
spec:
  minio:
    put:
      bucket: {name: retrain}
      endpoint: s3:8333
      insecure: true
      events: ["s3:ObjectCreated:*"]
      filter: {prefix: incoming/}
      accessKey: {name: s3, key: AWS_ACCESS_KEY_ID}
      secretKey: {name: s3, key: AWS_SECRET_ACCESS_KEY}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: models}
data:
  fine.yaml: ""
  other.yaml: ""
  note.sql: ""
  moved.yaml: "spec: {data: {sources: {incoming: {prefix: incoming/elsewhere/}}}}"
  visits.yaml: "spec: {data: {sources: {days: {prefix: batches/visits/eu/}, cities: {prefix: reference/cities/, join: broadcast}}}}"
"""
HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {generateName: %s-}\nspec:\n  entrypoint: main\n  templates:\n"
SHELL = "  - name: main\n    container: {image: alpine, command: [sh, -c], args: [%s]}\n"
GATE = """  - name: main
    container:
      image: alpine
      command: [sh, -c]
      args: ["echo first; until [ -e /gate/open ]; do sleep 0.05; done; echo last"]
      volumeMounts: [{name: gate, mountPath: /gate}]
  volumes: [{name: gate, persistentVolumeClaim: {claimName: CLAIM}}]
"""
APPROVAL = """  - name: main
    steps:
    - - {name: approve, template: approve}
    - - {name: after, template: after, arguments: {parameters: [{name: word, value: "{{steps.approve.outputs.parameters.word}}"}]}}
  - name: approve
    suspend: {}
    outputs: {parameters: [{name: word, valueFrom: {supplied: {}, default: none}}]}
  - name: after
    inputs: {parameters: [{name: word}]}
    container: {image: alpine, command: [sh, -c], args: ["echo word {{inputs.parameters.word}}"]}
"""


def shell(script: str, name: str = "shell") -> str:
    """A Workflow of one container that runs a script."""
    return HEAD % name + SHELL % json.dumps(script)


def gated(claim: str) -> str:
    """A Workflow that says `first`, and `last` once a file `open` lies in the claim."""
    return HEAD % claim + GATE.replace("CLAIM", claim)


def open_gate(state: Path, claim: str) -> None:
    """Let a gated Workflow go on."""
    (state / "claims" / claim).mkdir(parents=True, exist_ok=True)
    (state / "claims" / claim / "open").touch()


def approval() -> str:
    """A Workflow that waits at a suspended step whose output a person supplies."""
    return HEAD % "approval" + APPROVAL


def call(*arguments: str, stdin: str | None = None) -> Result:
    """A verb as the program runs it, in this process: `main` decides the exit code."""
    command = click.Command("retrain", callback=lambda: main(arguments))
    return CliRunner().invoke(command, [], input=stdin)


@dataclass
class Engine:
    """A running engine, its folder and its verbs."""

    folder: Path
    process: subprocess.Popen[str]

    @property
    def state(self) -> Path:
        return self.folder / "s"

    def call(self, *arguments: str, stdin: str | None = None) -> Result:
        return call(*arguments, "--state", str(self.state), stdin=stdin)

    def ok(self, *arguments: str) -> str:
        result = self.call(*arguments)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.ok(*arguments, "-o", "json"))

    def submit(self, text: str, *arguments: str) -> str:
        """Submit a Workflow's text; its name."""
        file = self.folder / "submitted.yaml"
        file.write_text(text, encoding="utf-8")
        return self.ok("submit", str(file), *arguments).strip()

    def until(self, name: str, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The Workflow once it is as it should be."""
        seen: list[dict[str, Any]] = []

        def there() -> bool:
            seen.append(self.json("get", name))
            return true(seen[-1])

        wait_until(there)
        return seen[-1]

    def waiting(self) -> str:
        """A Workflow that waits for approval; its name."""
        name = self.submit(approval())
        self.until(name, lambda w: any(n["type"] == "Suspend" and n["phase"] == "Running" for n in nodes(w)))
        return name

    def popen(self, *arguments: str) -> subprocess.Popen[str]:
        return start(self.folder, *arguments, "--state", str(self.state))


def nodes(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    """The nodes of a Workflow."""
    return list(((workflow.get("status") or {}).get("nodes") or {}).values())


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """The program in a session of its own, so that signals reach it alone."""
    environment = {**os.environ, "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "retrain.cli", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def unread(*arguments: str) -> tuple[int, str]:
    """Exit code and standard error where nobody reads standard output from the beginning on, and nothing is buffered."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(
            [sys.executable, "-u", "-m", "retrain.cli", *arguments],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=120,
        )
    finally:
        os.close(writing)
    return ended.returncode, ended.stderr


def interrupt(process: subprocess.Popen[bytes]) -> None:
    """Ctrl-C."""
    process.send_signal(signal.SIGINT)


Seen = Mapping[str, Callable[[subprocess.Popen[bytes]], None]]


def screen(columns: int, rows: int, seen: Seen, *arguments: str) -> tuple[int, str]:
    """The exit code and all that a verb wrote to a terminal of this size; what `seen` says is done once its text has been written."""
    ours, its = os.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS", "LINES")} | {"TERM": "xterm-256color"}
    process = subprocess.Popen(
        [sys.executable, "-m", "retrain.cli", *arguments], stdin=its, stdout=its, stderr=its, env=environment, start_new_session=True
    )
    os.close(its)
    told, waited = b"", dict(seen)
    while chunk := _read(ours):
        told += chunk
        for text in [text for text in waited if text.encode() in told]:
            waited.pop(text)(process)
    os.close(ours)
    return process.wait(120), told.decode().replace("\r\n", "\n")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other end is closed
        return b""


def serve(folder: Path, text: str = MANIFEST, *more: str) -> Engine:
    """An engine on a manifest, once it is ready."""
    (folder / "all.yaml").write_text(text, encoding="utf-8")
    process = start(folder, "up", "all.yaml", "--state", "s", "--ports", "free", *more)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "ready\n", process.stderr.read()
    return Engine(folder, process)


@contextmanager
def running(folder: Path, text: str = MANIFEST) -> Iterator[Engine]:
    """An engine on a manifest as long as the block lasts; it must end well."""
    started = serve(folder, text)
    yield started
    code, told = end(started)
    assert code == 0, told


def end(engine: Engine, number: int = signal.SIGTERM) -> tuple[int, str]:
    """Its exit code and what it said on standard error."""
    if engine.process.poll() is None:
        engine.process.send_signal(number)
    _, told = engine.process.communicate(timeout=120)
    return engine.process.returncode, told
