"""The page about notifications: its spec and its Secret are taken, and its receiver takes what is signed, once."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from handlers import notify
from handlers.events import outbox, receivers
from handlers.modelspec import yaml12
from handlers.modelspec.parse import parse
from handlers.storage import FolderStore, read_json, write_json
from tests.docs.pages import DOCS, ROOT, blocks
from tests.waiting import wait_until

SHOWN = {block.language: block.text for block in blocks(DOCS / "howto" / "notifications.md")}
RESULT = {"model": "late", "run": "r", "outcome": "failed", "reason": "step transform failed", "at": 1000.0}
KEY = json.loads(SHOWN["json"])["ops"]["key"]


def spec() -> Any:
    tree = yaml12.load((ROOT / "models" / "flight-delay.yaml").read_text(encoding="utf-8"))
    tree["spec"] |= yaml12.load(SHOWN["yaml"])
    return parse(json.dumps(tree))


def test_the_spec_and_the_secret_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETRAIN_NOTIFY", SHOWN["json"])
    named = {each.to: each for each in spec().notify}
    assert set(named) == set(json.loads(SHOWN["json"])) == {"ops", "chat"}
    for each in named.values():
        assert receivers.receiver(each.to, each.format).url.startswith("https://")


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The page's receiver as a process: its address, and what it prints."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    printed = tmp_path / "printed"
    with printed.open("w") as out:
        command = [sys.executable, "-c", SHOWN["python"], str(port)]
        running = subprocess.Popen(command, env={**os.environ, "NOTIFY_KEY": KEY}, stdout=out, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: answers(port))
        yield f"http://127.0.0.1:{port}/", printed
    finally:
        running.kill()
        running.wait()


def answers(port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


def test_the_receiver_takes_what_is_signed_once(receiver: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url, printed = receiver
    assert len([line for line in SHOWN["python"].splitlines() if line.strip()]) <= 20
    store = FolderStore(tmp_path / "bucket")

    def sent(key: str) -> str:
        """Why the event was not taken; "" when it was."""
        outbox.put(store, spec().notify[:1], RESULT, {}, 0)
        monkeypatch.setenv("RETRAIN_NOTIFY", json.dumps({"ops": {"url": url, "key": key}}))
        notify.deliver(store)
        left = [read_json(store, info.key)["error"] for info in store.list("outbox/")]
        return left[0] if left else ""

    write_json(store, "runs/late/r/result.json", RESULT)
    assert sent("not the receiver's key") == "it answered 401"
    assert printed.read_text() == ""
    assert (sent(KEY), sent(KEY)) == ("", "")
    assert printed.read_text() == "dev.retrain.run.failed r step transform failed\n"
