"""Events in and out of the running engine: CloudEvents ask for a run, and what comes of it arrives at a receiver that fails at first."""

from __future__ import annotations

import json

import httpx
import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

from tests.e2e.repository import Repository, rows
from tests.handlers.events.receiving import receiving, status
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

SECRET = """
apiVersion: v1
kind: Secret
metadata: {name: notify}
stringData:
  receivers: 'RECEIVERS'
"""


def test_an_event_asks_for_a_run_once_and_what_comes_of_it_is_told(repository: Repository) -> None:
    with receiving(lambda n: status(503 if n == 0 else 204)) as receiver:
        told = "notify: [{to: ops}, {to: chat, format: slack, on: [promoted]}]"
        repository.model(replaced={"  trigger: {quiet: 2s}\n": f"  trigger: {{quiet: 2s}}\n  {told}\n"}, grid="[1e-4]")
        repository.up()
        known = {name: {"url": receiver.url, "key": "0123456789abcdef"} for name in ("ops", "chat")}
        (repository.folder / "secret.yaml").write_text(SECRET.replace("RECEIVERS", json.dumps(known)), encoding="utf-8")
        repository.retrain("apply", "secret.yaml")
        repository.retrain("sources", "pause", "bucket")
        repository.put("incoming/tiny/one.csv", rows("2024-03-01", 20, seed=1))
        environment = dict(line.removeprefix("export ").split("=", 1) for line in repository.retrain("env").splitlines() if "=" in line)
        url, token = (environment[f"RETRAIN_WEBHOOK_{name}"].strip("'\"") for name in ("URL", "TOKEN"))
        event = CloudEvent({"specversion": "1.0", "id": "1", "source": "/shop", "type": "com.example.closed"}, {"model": "tiny"})

        message = to_structured_event(event)
        assert httpx.post(url, content=message.body, headers={**message.headers, "Authorization": f"Bearer {token}"}).text == "success"
        run = repository.ended("webhook")
        name = run["metadata"]["name"]
        assert run["status"]["phase"] == "Succeeded", repository.retrain("get", name)
        assert repository.objects(f"runs/tiny/{name}/")[f"runs/tiny/{name}/result.json"]["outcome"] == "promoted"

        # one receiver has taken it, the other one waits
        assert len(receiver.asked) == 2
        (left,) = repository.objects("outbox/")
        assert f"that run {name} of tiny was promoted (promoted): 1 attempt, the last: it answered 503." in repository.retrain("why", name)

        # as if its time had come
        client = repository.s3()
        entry = {**repository.objects("outbox/")[left], "next": 0}
        client.put_object(Bucket="retrain", Key=left, Body=json.dumps(entry).encode())
        client.close()
        repository.retrain("tick", "heal")
        wait_until(lambda: len(receiver.taken) == 2, lambda: repository.retrain("list", ok=False))
        repository.ended("heal")
        assert repository.objects("outbox/") == {}
        by = {("blocks" in body): body for body in receiver.taken}
        assert by[True]["text"].startswith("tiny has a new champion. first champion: roc_auc")
        assert (by[False]["type"], by[False]["subject"]) == ("dev.retrain.model.promoted", name)

        # the same event again, in the other mode, though data has come
        repository.put("incoming/tiny/two.csv", rows("2024-03-21", 2, seed=2))
        message = to_binary_event(event)
        answer = httpx.post(url, content=message.body, headers={**message.headers, "Authorization": f"Bearer {token}"})
        assert answer.text == "success"
        wait_until(lambda: len(repository.json("list", "-l", "retrain/trigger=webhook")["items"]) == 2)
        repository.ended("webhook")
        outcomes = {key.split("/")[2]: found["outcome"] for key, found in repository.objects("runs/tiny/").items() if "result.json" in key}
        assert sorted(outcomes.values()) == ["duplicate", "promoted"]
        assert len(receiver.taken) == 2
