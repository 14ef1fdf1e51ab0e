"""The engine's own bucket: SeaweedFS in a separate process, and its metadata log as the source of changes."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import os
import signal
import subprocess
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from localargo.bucket import access, weed
from localargo.bucket.s3 import S3Bucket
from localargo.errors import LocalArgoError, Unavailable
from localargo.ports import Json

log = logging.getLogger(__name__)
READY_SECONDS = 60.0
POLL_SECONDS = 0.03  # while it starts
MARGIN_NS = 10_000_000_000  # the log is read from a little earlier, because it counts back from a later reading of the clock
LONGEST_WAIT = 5.0  # seconds between two tries to read the log


@dataclass(frozen=True, slots=True)
class Change:
    """An object was written whole. `etag` without quotes; `time_ns` is its position in the log (nanoseconds since the epoch), the
    position from which to continue."""

    key: str
    size: int
    etag: str
    time_ns: int


class SeaweedFS:
    """`weed mini` in `STATE/seaweedfs`, keys in `STATE/env.json` (created once, readable only by the owner).

    `bucket`: the name of a new bucket. `variable`: the environment variable by which its clients learn the name. A server that dies is
    started again; `moved` is called when it answers at another address than before.
    """

    def __init__(self, state: Path, bucket: str, variable: str, moved: Callable[[], None] = lambda: None) -> None:
        self.state = state.resolve()
        self.folder = self.state / "seaweedfs"
        self.data = self.folder / "data"
        self.bucket = bucket
        self._variable = variable
        self.environment: dict[str, str] = {}
        self._server = weed.Recorded(self.folder / "server.json")
        self._tails = weed.Recorded(self.folder / "tails.json")
        self._gaps_file = self.folder / "gaps.json"
        self._ports: dict[str, int] = {}
        self._stopping = False
        self._moved = moved
        self._launches = 0
        self._pid = 0  # of the server that was started or adopted
        self._keeper: asyncio.Task[None] | None = None

    # ------------------------------------------------------------------------------------------ life

    async def start(self) -> dict[str, str]:
        """Start it, or adopt the one that an earlier engine left running; return the variables for its clients once it answers.

        Raises Unavailable when it does not start.
        """
        await self.let_go()
        self._stopping = False
        for folder in (self.folder, self.data, self.folder / "log"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for stale in self._tails.alive():
            await weed.end(stale)
        self._tails.clear()
        known = weed.read(self.state / "env.json", {})
        self._ports = weed.read(self.folder / "ports.json", {})
        keys = {name: known[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") if name in known}
        keys = keys if len(keys) == 2 else weed.new_keys()
        self.bucket = known.get(self._variable, self.bucket)
        if not await self._adopt(keys):
            await self._launch(keys)
        self._keeper = asyncio.ensure_future(self._keep(keys))
        return self.environment

    async def _keep(self, keys: dict[str, str]) -> None:
        """Start the server again whenever it dies."""
        wait = POLL_SECONDS
        while True:
            for pid in self._server.alive():
                await weed.ended(pid)
            log.warning("SeaweedFS has ended by itself and is started again: see %s", self.folder / "server.log")
            before, began = self.environment, time.monotonic()
            try:
                await self._launch(keys)
            except (LocalArgoError, OSError) as error:
                log.warning("SeaweedFS: %s; next try in %.1f s", error, wait)
            if self.environment != before:
                self._moved()
            wait = POLL_SECONDS if time.monotonic() - began > LONGEST_WAIT else min(2 * wait, LONGEST_WAIT)
            await asyncio.sleep(wait)

    async def let_go(self) -> None:
        """From now on nobody starts it again when it dies."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None and not keeper.done():
            keeper.cancel()
            await asyncio.wait([keeper])

    def _own(self) -> dict[str, str]:
        """What each of its processes needs of the environment; HOME keeps a configuration of the user's out."""
        return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.folder)}

    def _variables(self, keys: dict[str, str]) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL_S3": f"http://{weed.LOOPBACK}:{self._ports['s3']}",
            **keys,
            "AWS_DEFAULT_REGION": "us-east-1",
            self._variable: self.bucket,
        }

    async def _adopt(self, keys: dict[str, str]) -> bool:
        """Use the process of an earlier engine if it answers; else end it."""
        running = self._server.alive()
        if not running:
            return False
        self.environment, self._pid = self._variables(keys), running[0]
        try:
            await self._until_ready(running[0], 15.0)
        except Unavailable:
            for pid in running:
                await weed.end(pid)
            return False
        return True

    async def _launch(self, keys: dict[str, str]) -> None:
        if self._server.any_remembered():  # it was not ended by `stop`: the last minute of its log may be missing
            weed.write_private(self._gaps_file, [*self._gaps(), time.time_ns()])
            self._server.clear()
        self._launches += 1
        for stale in self._tails.alive():  # they know nothing of the gap
            await weed.end(stale)
        if set(self._ports) != set(weed.NAMES) or not weed.usable(list(self._ports.values())):
            self._ports = weed.choose_ports()
            weed.write_private(self.folder / "ports.json", self._ports)
        self.environment = self._variables(keys)
        weed.write_private(self.state / "env.json", self.environment)
        environment = {**self._own(), **keys, **access.for_server(self.folder)}
        words = weed.command(self.data, self._ports, self.bucket)
        pid = self._pid = weed.launch(words, environment, self.folder / "server.log", self._server.add)
        try:
            await self._until_ready(pid, READY_SECONDS)
        except Unavailable:
            await weed.end(pid)
            weed.collect(pid)
            raise

    async def _until_ready(self, pid: int, patience: float) -> None:
        until = time.monotonic() + patience
        while not await self._answers():
            if not weed.start_time(pid):
                raise Unavailable(f"SeaweedFS ended while it was starting: see {self.folder / 'server.log'}")
            if time.monotonic() > until:
                raise Unavailable(f"SeaweedFS does not answer after {patience:.0f} s: see {self.folder / 'server.log'}")
            await asyncio.sleep(POLL_SECONDS)
        store = S3Bucket(self.bucket, self.environment)
        try:
            while True:
                try:
                    await asyncio.to_thread(store.create)
                    return
                except LocalArgoError as e:
                    if time.monotonic() > until:
                        raise Unavailable(f"SeaweedFS does not create its bucket: {e}") from None
                await asyncio.sleep(POLL_SECONDS)
        finally:
            store.close()

    async def _answers(self) -> bool:
        try:
            for name in ("s3", "filer"):
                _, writer = await asyncio.open_connection(weed.LOOPBACK, self._ports[name])
                writer.close()
        except OSError:
            return False
        return True

    async def _answering(self) -> None:
        """Wait while it is starting again."""
        while not await self._answers():
            if self._stopping:
                return
            await asyncio.sleep(POLL_SECONDS)

    async def abandon(self) -> None:
        """End the server that this process has started or adopted, and touch no file: its state folder is another engine's now."""
        self._stopping = True
        await self.let_go()
        if self._pid:
            await weed.end(self._pid, 0.0)
            weed.collect(self._pid)

    async def stop(self) -> None:
        """End it cleanly, which takes about three seconds because it writes its log; its data stays."""
        self._stopping = True
        await self.let_go()
        for pid in self._tails.alive():
            await weed.end(pid, 2.0)
        if self._tails.any_remembered():
            self._tails.clear()
        running = self._server.alive()
        clean = bool(running)  # one that died by itself stays recorded, because the end of its log is missing
        for pid in running:
            clean = await weed.end(pid) and clean
            weed.collect(pid)
        if clean:
            self._server.clear()

    # ------------------------------------------------------------------------------------------ changes

    def _gaps(self) -> list[int]:
        """Times (ns) of the starts after an end other than `stop`: the last entries before may be missing from the log."""
        gaps: list[int] = weed.read(self._gaps_file, [])
        return gaps

    async def changes(self, prefix: str, since: int) -> AsyncIterator[Change]:
        """Every object below the prefix that was written after the position `since` (a `time_ns`, 0: from the beginning), and then as
        it happens; ends with `stop`. At least once: after a crash of the server the bucket is listed again from the second
        of `since` on, because the server's log then lacks its last minute.
        """
        position = since
        wait = 0.05
        while not self._stopping:
            launches = self._launches
            gaps = [gap for gap in self._gaps() if gap > position]
            if gaps:
                await self._answering()
            for gap in gaps:
                async for change in self._listed(prefix, position, gap):
                    position = max(position, change.time_ns)
                    yield change
                position = max(position, gap)
            began = time.monotonic()
            async with contextlib.aclosing(self._tail(prefix, position, launches)) as tail:  # its process has ended when this ends
                async for change in tail:
                    position = change.time_ns
                    yield change
            wait = 0.05 if time.monotonic() - began > LONGEST_WAIT else min(2 * wait, LONGEST_WAIT)
            if not self._stopping:
                await asyncio.sleep(wait)

    async def _listed(self, prefix: str, after: int, until: int) -> AsyncIterator[Change]:
        """The objects of the bucket written between two times; S3 gives modification times in whole seconds."""
        store = S3Bucket(self.bucket, self.environment)
        try:
            found = await asyncio.to_thread(lambda: list(store.objects(prefix)))
        finally:
            store.close()
        first = after // 1_000_000_000
        for item in sorted(found, key=lambda o: (o.modified, o.key)):
            if first <= item.modified and item.modified * 1e9 <= until:
                yield Change(item.key, item.size, item.etag, max(after, int(item.modified) * 1_000_000_000))

    async def _tail(self, prefix: str, position: int, launches: int) -> AsyncGenerator[Change, None]:
        """The log from this position on, of the server that was started so many times."""
        root = f"/buckets/{self.bucket}/"
        ago = time.time_ns() - max(0, position - MARGIN_NS)
        words = [
            weed.binary(),
            f"-logdir={self.folder / 'log'}",
            "filer.meta.tail",
            f"-filer={weed.LOOPBACK}:{self._ports['filer']}",
            f"-pathPrefix={root}{prefix}",
            f"-timeAgo={ago}ns",
        ]
        process = await asyncio.create_subprocess_exec(
            *weed.gated(words),
            cwd=self.folder,
            env={**self._own(), **access.for_client(self.folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            limit=1 << 24,
        )
        self._tails.add(process.pid)
        try:
            if process.stdin is not None and process.stdout is not None and launches == self._launches:
                process.stdin.write(weed.GO)
                process.stdin.close()
                async for doc in _documents(process.stdout):
                    change = read_change(doc, root)
                    if change is not None and change.key.startswith(prefix) and change.time_ns > position:
                        yield change
        finally:
            if process.returncode is None:  # by its id: asyncio's own `kill` would reap it before the child watcher does
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
            await process.wait()
            self._tails.remove(process.pid)


async def _documents(stream: asyncio.StreamReader) -> AsyncIterator[Json]:
    """The documents that the tail prints: each spans several lines and ends with a line that begins with a brace."""
    lines: list[bytes] = []
    async for line in stream:
        lines.append(line)
        if line.rstrip() == b"}":
            with contextlib.suppress(ValueError):
                yield json.loads(b"".join(lines))
            lines = []


def _content(entry: Json) -> tuple[str, list[str]]:
    """What distinguishes two contents: the ETag, and the times at which the chunks were written."""
    extended = entry.get("extended") or {}
    if "Seaweed-X-Amz-ETag" in extended:
        etag = base64.b64decode(extended["Seaweed-X-Amz-ETag"]).decode()
    else:
        etag = base64.b64decode(entry["attributes"].get("md5", "")).hex()
    return etag.strip('"'), [chunk.get("modifiedTsNs", "") for chunk in entry.get("chunks") or ()]


def read_change(doc: Json, root: str) -> Change | None:
    """The change that an entry of the log describes; None for folders, parts of uploads, removals, and new tags on old content."""
    event = doc.get("eventNotification") or {}
    entry, old = event.get("newEntry"), event.get("oldEntry")
    if not entry or entry.get("isDirectory"):
        return None
    path = f"{event.get('newParentPath') or doc['directory']}/{entry['name']}"
    key = path.removeprefix(root)
    if not path.startswith(root) or key.startswith(".uploads/"):
        return None
    etag, _ = content = _content(entry)
    if old and _content(old) == content and old["attributes"].get("mtime") == entry["attributes"].get("mtime"):
        return None
    return Change(key, int(entry["attributes"]["fileSize"]), etag, int(doc["tsNs"]))
