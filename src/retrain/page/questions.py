"""The handlers' answers, from a process that stays: `python -m handlers.answer`.

An answer is given as it was when the bucket was last looked at. While somebody reads pages, the bucket is looked at again and again; when
something there has changed, the answers that were asked for lately are asked for anew first and then replaced together, so that no reader
waits for them.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from localargo import LocalArgoError, Unavailable
from retrain.project.questions import ERRORS, command, variables

Doc = dict[str, Any]
Words = tuple[str, ...]
FIRST = (("models",), ("runs",))
LONGEST = 2**28  # bytes of an answer
PAUSE = 2.0  # seconds between two looks at the bucket, at least
SOON = 0.5  # seconds between a hurry and its look
SHARE = 10  # and at least this many times as long as the last one took
STALE = 10.0  # seconds after which a reader waits for a look
IDLE = 60.0  # seconds without a reader after which nobody looks
HOT = 120.0  # seconds for which an answer that nobody asks for is kept up to date


@dataclass(slots=True)
class _Answer:
    doc: Doc | None
    error: LocalArgoError | None
    used: float

    def get(self) -> Doc:
        if self.error is not None:
            raise self.error
        return self.doc or {}


class Questions:
    """Answers about the bucket that these variables name.

    `changed` is called when some of them are others than before; `heard` says whether somebody waits to be told.
    """

    def __init__(self, bucket: Mapping[str, str], changed: Callable[[], None], heard: Callable[[], bool]) -> None:
        self.bucket, self._changed, self._heard = bucket, changed, heard
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[Doc]] = {}
        self._number = 0
        self._starting, self._looking = asyncio.Lock(), asyncio.Lock()
        self._answers: dict[Words, _Answer] = {}
        self.version = ""
        self._looked = self._read = -1e9
        self._took = 0.0
        self._awake, self._hurry = asyncio.Event(), asyncio.Event()

    def hurry(self) -> None:
        """Something has happened that leaves its trace in the bucket: look soon."""
        self._hurry.set()

    async def start(self) -> None:
        """Keep the answers up to date from now on. What the first page needs is asked at once."""
        self._read = time.monotonic()
        self._awake.set()
        self._keeping = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """End the process."""
        for task in (self._keeping, self._reading):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def answer(self, *words: str) -> Doc:
        """The answer to these words of `python -m handlers.why`. Raises the LocalArgoError that the handlers' exit code stands for."""
        now = time.monotonic()
        self._read = now
        self._awake.set()
        if now - self._looked > max(STALE, SHARE * self._took):
            await self._look()
        known = self._answers.get(words)
        if known is None:
            known = self._answers[words] = await self._asked(words)
        known.used = now
        return known.get()

    async def fresh(self, *words: str) -> Doc:
        """As `answer`, asked now: about what changes without a trace in the folders that are looked at."""
        return (await self._asked(words)).get()

    async def _asked(self, words: Words) -> _Answer:
        try:
            return _Answer(await self._ask(words), None, time.monotonic())
        except LocalArgoError as error:
            return _Answer(None, error, time.monotonic())

    async def _keep(self) -> None:
        with suppress(LocalArgoError):
            for words in FIRST:
                await self.answer(*words)
        while True:
            await self._awake.wait()
            await self._pause()
            if time.monotonic() - self._read > IDLE and not self._heard():
                self._awake.clear()
                continue
            with suppress(LocalArgoError):  # who asks is told
                await self._look()

    async def _pause(self) -> None:
        """Until it is time for another look: sooner in a hurry."""
        now = time.monotonic()
        pause = max(PAUSE if now - self._read < IDLE else STALE, SHARE * self._took)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), max(0.0, self._looked + pause - now))
        self._hurry.clear()
        await asyncio.sleep(max(min(SOON, PAUSE), self._looked + 2 * self._took - time.monotonic()))

    async def _look(self) -> None:
        before = self._looked
        async with self._looking:
            if self._looked > before:
                return  # somebody else has
            began = time.monotonic()
            version = (await self._ask(("look",)))["version"]
            if version != self.version:
                hot = [words for words, known in self._answers.items() if began - known.used < HOT]
                answers = {}
                for words in hot:
                    answers[words] = await self._asked(words)
                    answers[words].used = self._answers[words].used
                self._answers, self.version = answers, version
                self._changed()
            self._looked = time.monotonic()
            self._took = self._looked - began

    async def _ask(self, words: Words) -> Doc:
        process = await self._running()
        self._number += 1
        number, answer = self._number, asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            if process.stdin is None:
                raise Unavailable("the process that answers has no input")
            process.stdin.write(json.dumps({"id": number, "ask": list(words)}).encode() + b"\n")
            told: Doc = await answer
        except ConnectionError as error:
            raise Unavailable(f"the process that answers has ended ({error}); the next question starts another") from error
        finally:
            self._waiting.pop(number, None)
        if "error" in told:
            raise ERRORS.get(told["exit_code"], LocalArgoError)(told["error"].replace("python -m handlers.why", "retrain"))
        found: Doc = told["answer"]
        return found

    async def _running(self) -> asyncio.subprocess.Process:
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                pipe = asyncio.subprocess.PIPE
                words, environment = command("answer"), variables(self.bucket)
                self._process = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe, env=environment, limit=LONGEST)
                self._reading = asyncio.create_task(self._read_answers(self._process))
            return self._process

    async def _read_answers(self, process: asyncio.subprocess.Process) -> None:
        while process.stdout is not None and (line := await process.stdout.readline()):
            told = json.loads(line)
            waiting = self._waiting.get(told["id"])
            if waiting is not None and not waiting.done():
                waiting.set_result(told)
        ended = Unavailable(f"the process that answers has ended with {await process.wait()}; the next question starts another")
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ended)
