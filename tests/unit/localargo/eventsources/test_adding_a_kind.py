"""The recipe of CONTRIBUTING.md: a kind of EventSource is added with two new files and one line, in a copy of the package."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[4] / "src" / "localargo"
LINE = '"emitter": replay_only.EMITTER,'

KIND = """
from localargo.manifests.source_kinds.kind import ParsedPayload, SourceKind
from localargo.manifests.support_table import Support


def lint(document, report, event, path):
    if not event.get("channelName"):
        report.error(document, path, "an emitter source needs `channelName`")


def parse(value, event, now):
    if isinstance(value, dict) and "topic" in value:
        return None
    return ParsedPayload({"topic": event.spec["channelName"], "body": value}, "as a message of the channel")


KIND = SourceKind(
    sample={"topic": "landed", "body": "first", "metadata": {}},
    driver="emitter",
    schema={
        "EmitterEventSource": Support(
            "broker channelKey channelName filter metadata", kept="connectionBackoff jsonBody", refused="password tls username"
        ),
    },
    payload_fields=("topic", "body", "metadata"),
    recognised_by=(("topic", "body"),),
    parse=parse,
    lint=lint,
)
"""

DRIVER = """
import asyncio
import json


class Emitter:
    def __init__(self, envelope, payload):
        self.envelope, self.payload, self.task = envelope, payload, None

    def start(self):
        self.task = self.task or asyncio.ensure_future(self.envelope.send(self.payload))

    async def stop(self):
        if self.task:
            await asyncio.gather(self.task)


def DRIVER(event, envelope, resources):
    return Emitter(envelope, json.dumps({"topic": event.spec["channelName"], "body": "first"}).encode())
"""

PROGRAM = '''
import asyncio
import json
import sys
from pathlib import Path

import localargo
from localargo.manifests import compatibility

SOURCE = """
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: e}
spec: {emitter: {landed: {broker: b, channelKey: k, channelName: news, filter: {expression: body == "first"}}}}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: s}
spec:
  dependencies: [{name: d, eventSourceName: e, eventName: landed}]
  triggers:
  - template: {name: t, log: {}}
"""
documents = localargo.load_documents(SOURCE, "source.yaml")
broken = localargo.load_documents(SOURCE.replace("channelName: news, ", ""), "broken.yaml")
wrong_path = localargo.load_documents(
    SOURCE.replace("eventName: landed}", "eventName: landed, filters: {data: [{path: subject, type: string, value: [a]}]}}"), "path.yaml"
)


async def first_event():
    async with localargo.Engine(Path(sys.argv[1]), documents) as engine:
        came = asyncio.Event()
        engine.bus.changed.append(came.set)
        if not engine.bus.latest(1):
            await asyncio.wait_for(came.wait(), 60)
        return [json.loads(entry.event.data) for entry in engine.bus.latest(9)], engine.sources.describe()


def replayed(text):
    found = localargo.replay(text, [d.doc for d in documents], now=0.0).tree()
    return found["event"]["type"], found["event"]["data"], found["dropped"], [t["fires"] for t in found["triggers"]]


events, sources = asyncio.run(first_event())
print(json.dumps({
    "findings": [str(f) for f in localargo.check(documents)],
    "broken": [f.message for f in localargo.check(broken)],
    "path": [f.message for f in localargo.check(wrong_path)],
    "sample": json.loads(localargo.sample("emitter")),
    "replayed": replayed(localargo.sample("emitter")),
    "input": replayed('"second"'),
    "row": [row for row in compatibility.page().splitlines() if row.startswith("| `EventSourceSpec.emitter`")],
    "events": events,
    "sources": sources,
}))
'''


@pytest.fixture
def extended(tmp_path: Path) -> Path:
    """A copy of the package with one more kind that runs."""
    package = tmp_path / "src" / "localargo"
    shutil.copytree(SOURCE, package, ignore=shutil.ignore_patterns("__pycache__"))
    kinds = package / "manifests" / "source_kinds"
    (kinds / "emitter.py").write_text(KIND)
    (package / "eventsources" / "emitter.py").write_text(DRIVER)
    registry = (kinds / "registry.py").read_text()
    assert registry.count(LINE) == 1
    registry = registry.replace(LINE, '"emitter": emitter.KIND,').replace("import calendar,", "import calendar, emitter,")
    (kinds / "registry.py").write_text(registry)
    return package.parent


def test_lint_replay_and_the_engine_know_a_kind_that_was_added(extended: Path, tmp_path: Path) -> None:
    import json

    environment = {**os.environ, "PYTHONPATH": str(extended), "PYTHONDONTWRITEBYTECODE": "1"}
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "state")], env=environment, capture_output=True, text=True, check=False, timeout=200
    )
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == {
        "findings": [],
        "broken": ["an emitter source needs `channelName`"],
        "path": ["the payload of a emitter event has no `subject` at its top"],
        "sample": {"topic": "landed", "body": "first", "metadata": {}},
        "replayed": ["emitter", {"topic": "landed", "body": "first", "metadata": {}}, "", [True]],
        "input": ["emitter", {"topic": "news", "body": "second"}, "filter.expression 'body == \"first\"' is not true", []],
        "row": ["| `EventSourceSpec.emitter` | supported |  |"],
        "events": [{"topic": "news", "body": "first"}],
        "sources": [{"source": "e", "event": "landed", "type": "emitter", "state": "running", "where": ""}],
    }
