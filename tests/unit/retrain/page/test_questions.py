"""Answers from a process that stays: kept, renewed together when the bucket has changed, and asked again when the process has died."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from handlers.storage import FolderStore, write_json
from localargo import LocalArgoError, NotFound
from retrain.page import questions
from retrain.page.news import News
from retrain.page.questions import Questions
from tests.waiting import until


def request(store: FolderStore, run: str) -> None:
    write_json(store, f"runs/m/{run}/request.json", {"run": run, "model": "m", "at": 1.0, "decision": "train", "event": {}, "context": {}})


def played(folder: Path, play: Callable[[Questions, FolderStore, list[int]], Coroutine[Any, Any, None]], *, heard: bool = False) -> None:
    store, changes = FolderStore(folder), list[int]()
    request(store, "a")

    async def whole() -> None:
        asked = Questions({"RETRAIN_BUCKET": f"file://{folder}"}, lambda: changes.append(1), lambda: heard)
        await asked.start()
        try:
            await play(asked, store, changes)
        finally:
            await asked.stop()

    asyncio.run(whole())


async def runs(asked: Questions) -> list[str]:
    return [row["run"] for row in (await asked.answer("runs"))["runs"]]


def test_an_answer_stays_until_the_bucket_has_changed_and_is_then_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "PAUSE", 0.0)
    monkeypatch.setattr(questions, "SHARE", 0)

    async def play(asked: Questions, store: FolderStore, changes: list[int]) -> None:
        assert await runs(asked) == ["a"]
        before = len(changes)
        request(store, "b")
        await until(lambda: len(changes) > before)
        assert await runs(asked) == ["a", "b"]

    played(tmp_path, play)


def test_a_page_that_only_listens_hears_of_changes_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PAUSE", "STALE", "IDLE", "SHARE"):
        monkeypatch.setattr(questions, name, 0)

    async def play(asked: Questions, store: FolderStore, changes: list[int]) -> None:
        await runs(asked)
        before = len(changes)
        request(store, "b")
        await until(lambda: len(changes) > before)

    played(tmp_path, play, heard=True)


def test_an_error_is_the_handlers_own_and_kept_like_an_answer(tmp_path: Path) -> None:
    async def play(asked: Questions, store: FolderStore, changes: list[int]) -> None:
        for _ in range(2):
            with pytest.raises(NotFound, match="there is no run 'nobody'; `retrain runs` lists them"):
                await asked.answer("run", "--", "nobody")

    played(tmp_path, play)


def test_who_waits_when_the_process_dies_is_told_and_the_next_question_starts_another(tmp_path: Path) -> None:
    async def play(asked: Questions, store: FolderStore, changes: list[int]) -> None:
        await runs(asked)
        process = asked._process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        waiting = asyncio.create_task(asked.fresh("runs"))
        await asyncio.sleep(0)
        process.kill()
        with pytest.raises(LocalArgoError, match="has ended"):
            await waiting
        await process.wait()
        assert [row["run"] for row in (await asked.fresh("runs"))["runs"]] == ["a"]

    played(tmp_path, play)


def test_news_that_nobody_takes_become_one_that_says_anything() -> None:
    async def play() -> None:
        news = News()
        stream = news.stream()
        assert await anext(stream) == b"retry: 2000\n\n"
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        for i in range(500):
            news.tell(f"workflow:{i}")
        assert b'"*"' in await waiting
        await stream.aclose()

    asyncio.run(play())
