"""Events of strangers who mean harm: a clear answer to each, no crash, and nothing of them anywhere but in the value meant for them."""

import asyncio
import base64
import copy
import json
import random
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from localargo.engine import Engine
from localargo.manifests.yaml import load_documents
from retrain.project.handlers import engine_settings
from retrain.project.kustomize import render
from tests.waiting import until

ROOT = Path(__file__).parents[2]
ACCEPTED = {200, 400, 401, 404, 413, 431}
GENERATED = 200
AT_ONCE = 16
MODEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")
NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")

# A source without a token, whose Sensor writes whatever comes into one argument and into a label: the careless way to write one.
CARELESS = """
apiVersion: argoproj.io/v1alpha1
kind: EventSource
metadata: {name: careless}
spec:
  webhook:
    hook: {port: "12001", endpoint: /hook, method: POST, maxPayloadSize: 20000}
---
apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: careless}
spec:
  template: {serviceAccountName: sensor}
  dependencies:
    - {name: d, eventSourceName: careless, eventName: hook}
  triggers:
    - template:
        name: careless
        k8s:
          operation: create
          source:
            resource:
              apiVersion: argoproj.io/v1alpha1
              kind: Workflow
              metadata: {generateName: careless-}
              spec:
                suspend: true
                entrypoint: hold
                arguments: {parameters: [{name: whole, value: unset}, {name: v, value: unset}]}
                templates: [{name: hold, suspend: {}}]
          parameters:
            - {src: {dependencyName: d, dataKey: body}, dest: spec.arguments.parameters.0.value}
            - {src: {dependencyName: d, dataKey: body.v, value: none}, dest: spec.arguments.parameters.1.value}
"""
HOLD = """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: retrain}
spec:
  suspend: true
  entrypoint: hold
  arguments: {parameters: [{name: model}, {name: event}, {name: context, value: ""}, {name: window}]}
  templates: [{name: hold, suspend: {}}]
"""

TEXTS = [
    "{{workflow.name}}",
    "{{=1+1}}",
    "{{=sprig.env('HOME')}}",
    "{{ .Input.body }}",
    '{{ env "HOME" }}',
    "{{inputs.parameters.x}}",
    "$(kill $$)",
    "`id`",
    "; rm -rf / #",
    "a\nspec:\n  entrypoint: evil",
    "- *anchor",
    "!!python/object/apply:os.system [id]",
    "../../../etc/passwd",
    "..%2f..%2fetc",
    '"}]}, "serviceAccountName": "admin", "x": {"',
    "\u202egnp.exe",
    "\u0000",
    "\ud83d\ude80",
    "m" * 5000,
    "flight-delay\n",
    "flight-delay/../other",
    "-leading",
    "",
    " ",
    "%s%n",
    "' OR 1=1 --",
    "<script>alert(1)</script>",
]
BODIES = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"NaN",
    b'{"model": NaN}',
    b'{"model": Infinity, "v": -Infinity}',
    b'{"model": 1e999999, "v": 1e999999}',
    b'{"v": ' + b"9" * 5000 + b"}",
    b'{"v": -0.0000000000000000000000001e-400}',
    b'{"model": "other", "model": "flight-delay", "v": 1, "v": 2}',
    b'{"__proto__": {"model": "x"}, "v": {"metadata.name": "x"}}',
    b'{"v": "\xff\xfe\x00"}',
    b'{"v": "\\ud800"}',
    b'{"v": "\\u0000"}',
    b"\xef\xbb\xbf{}",
    b"\x00" * 100,
    b"[" * 9000 + b"]" * 9000,
    b'{"v":' * 3000 + b"1" + b"}" * 3000,
    b'{"v": "' + b"x" * 100_000 + b'"}',
    b'{"model": ["flight-delay"], "v": []}',
    b'{"model": {"a": "flight-delay"}, "v": {}}',
    b'{"model": true, "v": false}',
    b"model=flight-delay&v=1&v=2",
    b"--x\r\nContent-Disposition: form-data; name=v\r\n\r\n1\r\n--x--",
    *(json.dumps({"model": text, "reason": text, "key": text, "v": text, text: text}).encode() for text in TEXTS),
]
WELL_MEANT = b'{"model": "flight-delay", "reason": "{{workflow.name}}"}'
HEADERS = [
    {"Content-Type": "application/json"},
    {"Content-Type": "application/x-www-form-urlencoded"},
    {"Content-Type": "multipart/form-data; boundary=x"},
    {"Content-Type": "application/cloudevents+json; charset=utf-16"},
    {"Content-Type": "text/x; charset=?;;;"},
    {"X-Forwarded-For": "{{workflow.name}}", "X-Http-Method-Override": "DELETE", "Ce-Id": "../../x"},
    {"Content-Encoding": "gzip"},
]


def generated(chance: random.Random) -> bytes:
    """A body: JSON of hostile texts, the same with a byte broken, or noise."""

    def value(depth: int) -> Any:
        kind = chance.randrange(7 if depth else 5)
        simple = [chance.choice(TEXTS), chance.choice([0, -1, 2**63, 10**300, 1e-300, 0.1]), None, True, chance.choice(TEXTS) * 3]
        if kind < len(simple):
            return simple[kind]
        if kind == 5:
            return [value(depth - 1) for _ in range(chance.randrange(5))]
        return {chance.choice(["v", "model", "key", "reason", "specversion", "data", *TEXTS]): value(depth - 1) for _ in range(5)}

    body = json.dumps({"v": value(3), "model": value(1), chance.choice(TEXTS): value(2)}, ensure_ascii=chance.random() < 0.5)
    raw = bytearray(body.encode("utf-8", "surrogatepass"))
    match chance.randrange(3):
        case 0:
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        case 1 if chance.random() < 0.3:
            return chance.randbytes(chance.randrange(400))
    return bytes(raw)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    documents = load_documents(CARELESS, "careless.yaml") + load_documents(HOLD, "hold.yaml")
    for folder in ("eventsources", "sensors"):
        documents += [d for d in render(ROOT / folder) if d.kind in ("EventSource", "Sensor") and d.doc["metadata"]["name"] == "webhook"]
    async with Engine(tmp_path / "state", documents, ports="free", settings=engine_settings()) as running:
        yield running


async def send_all(engine: Engine, bodies: list[bytes]) -> list[int]:
    """Every body to both endpoints, several at once; the statuses."""
    secret = engine.info()["environment"]["RETRAIN_WEBHOOK_TOKEN"]
    gate = asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(trust_env=False, timeout=120) as client:

        async def send(index: int, body: bytes) -> list[int]:
            headers = HEADERS[index % len(HEADERS)]
            async with gate:
                careless = await client.post(engine.sources.where["careless", "hook"], content=body, headers=headers)
                guarded = await client.post(
                    engine.sources.where["webhook", "retrain"], content=body, headers={**headers, "Authorization": f"Bearer {secret}"}
                )
            return [careless.status_code, guarded.status_code]

        answers = await asyncio.gather(*(send(index, body) for index, body in enumerate(bodies)))
    return [status for pair in answers for status in pair]


async def drained(engine: Engine) -> None:
    """Return when every trigger has dealt with all its events."""
    await until(lambda: not any(row["lag"] for row in engine.journal(0)["triggers"]))


def without_values(workflow: dict[str, Any]) -> dict[str, Any]:
    """The Workflow's spec with the values of its arguments taken out."""
    spec: dict[str, Any] = copy.deepcopy(workflow["spec"])
    for parameter in spec["arguments"]["parameters"]:
        assert isinstance(parameter.pop("value"), str)
    return spec


@pytest.mark.anyio
async def test_strangers_bring_about_nothing_but_values(engine: Engine) -> None:
    chance = random.Random(7)
    bodies = BODIES + [generated(chance) for _ in range(GENERATED)] + [WELL_MEANT] * len(HEADERS)
    statuses = await send_all(engine, bodies)
    assert set(statuses) <= ACCEPTED, sorted(set(statuses))
    assert statuses.count(200) > GENERATED // 2
    await drained(engine)
    workflows = engine.admission.list("Workflow")
    careless = [w for w in workflows if w["metadata"]["name"].startswith("careless-")]
    guarded = [w for w in workflows if w["metadata"]["name"].startswith("retrain-")]
    assert len(careless) + len(guarded) == len(workflows)
    assert len(careless) > GENERATED // 4
    assert guarded
    shapes = {json.dumps(without_values(w), sort_keys=True) for w in careless}
    assert len(shapes) == 1, shapes
    (shape,) = shapes
    assert json.loads(shape)["templates"] == [{"name": "hold", "suspend": {}}]
    for workflow in workflows:
        metadata = workflow["metadata"]
        assert NAME.fullmatch(metadata["name"])
        assert set(metadata.get("labels") or {}) <= {
            "retrain/trigger",
            "events.argoproj.io/sensor",
            "events.argoproj.io/trigger",
            "events.argoproj.io/action-timestamp",
            "workflows.argoproj.io/phase",
            "workflows.argoproj.io/completed",
            "workflows.argoproj.io/workflow-template",
        }
    for workflow in guarded:
        assert [p["name"] for p in workflow["spec"]["arguments"]["parameters"]] == ["model", "event", "context", "window"]
        values = {p["name"]: p["value"] for p in workflow["spec"]["arguments"]["parameters"]}
        assert MODEL.fullmatch(values["model"])
        fields = set(json.loads(base64.b64decode(values["event"], validate=True)))
        assert fields - {"headers"} == {"model", "key", "etag", "time", "reason", "source"}
        assert set(workflow["spec"]) == {"arguments", "workflowTemplateRef"}
    await still_works(engine)


async def still_works(engine: Engine) -> None:
    """A request that means well does what it always does; the event arrives letter by letter."""
    reason = "{{workflow.name}} $(id) \u017c"
    assert set(await send_all(engine, [json.dumps({"model": "arrival-minutes", "reason": reason}).encode()])) == {200}
    await drained(engine)
    (made,) = [w for w in engine.admission.list("Workflow") if w["metadata"]["name"].startswith("retrain-arrival-minutes-")]
    values = {p["name"]: p["value"] for p in made["spec"]["arguments"]["parameters"]}
    assert set(values) == {"model", "event", "context", "window"}
    assert values["model"] == "arrival-minutes"
    assert json.loads(base64.b64decode(values["event"]))["reason"] == reason
    assert made["spec"]["workflowTemplateRef"] == {"name": "retrain"}


@pytest.mark.anyio
@pytest.mark.parametrize("given", ["", "Bearer", "bearer x", "Basic eDp4", "Bearer x", "Bearer \u00ff", "Bearer " + "x" * 9000])
async def test_wrong_tokens_make_no_event(engine: Engine, given: str) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=120) as client:
        answer = await client.post(
            engine.sources.where["webhook", "retrain"], json={"model": "m"}, headers=[(b"Authorization", given.encode("latin-1"))]
        )
    assert answer.status_code == 401
    assert engine.journal(9)["events"] == []
