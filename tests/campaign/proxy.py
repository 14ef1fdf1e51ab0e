"""A bucket that fails: an HTTP proxy in front of an S3 server, which refuses, throttles, cuts, delays, and loses answers of PUTs that
happened. Requests go on as they came, so that their signatures hold."""

from __future__ import annotations

import http.client
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect"}
REFUSAL = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
KEPT_OPEN = 30.0  # seconds that a client's connection may be silent


@dataclass(frozen=True, slots=True)
class Faults:
    """How often a request is met by what, from 0 to 1. `lost` counts for PUTs with a condition alone, `cut` for what is read.
    `away`: every request is refused. `latency`: the most seconds that one waits."""

    away: bool = False
    throttled: float = 0.0
    lost: float = 0.0
    cut: float = 0.0
    latency: float = 0.0


class Proxy(ThreadingHTTPServer):
    """Serves until `close`. `faults` may be changed at any time; `met` counts what requests have met."""

    daemon_threads = True

    def __init__(self, upstream: str, seed: int = 0) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        there = urlsplit(upstream)
        self.upstream = (str(there.hostname), there.port or 80)
        self.faults = Faults()
        self.met: Counter[str] = Counter()
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def close(self) -> None:
        self.shutdown()
        self.server_close()

    @contextmanager
    def failing(self, faults: Faults) -> Iterator[None]:
        """With these faults for as long as this lasts."""
        self.faults = faults
        try:
            yield
        finally:
            self.faults = Faults()

    def happens(self, what: str, probability: float) -> bool:
        """Whether it happens to this request; it is counted then."""
        with self._lock:
            hit = probability > 0 and self._chance.random() < probability
            self.met[what] += hit
            return hit

    def waits(self, most: float) -> float:
        with self._lock:
            return self._chance.random() * most

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has gone away is no news."""


class _Request(BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"
    timeout = KEPT_OPEN

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: what requests have met is counted."""

    def _serve(self) -> None:
        faults, body = self.server.faults, self._body()
        self.server.met["requests"] += 1
        time.sleep(self.server.waits(faults.latency))
        if faults.away:
            self.server.met["away"] += 1
            return self._refuse(503, "ServiceUnavailable", "Please try again later.")
        if self.server.happens("throttled", faults.throttled):
            status = 503 if self.server.waits(1.0) < 0.5 else 429
            return self._refuse(status, "SlowDown", "Please reduce your request rate.")
        try:
            status, headers, content = self._ask(body)
        except OSError:
            self.server.met["no upstream"] += 1
            return self._hang_up()
        condition = self.command == "PUT" and ("If-None-Match" in self.headers or "If-Match" in self.headers)
        if condition and status == 200 and self.server.happens("lost", faults.lost):
            return self._hang_up()
        cut = self.command == "GET" and len(content) > 1 and self.server.happens("cut", faults.cut)
        return self._answer(status, headers, content, cut=cut)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve  # the names that http.server calls

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        """The server's answer. Each request has a connection of its own: one that was kept could be closed just then."""
        connection = http.client.HTTPConnection(*self.server.upstream, timeout=60)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in HOP_BY_HOP:
                    connection.putheader(name, value)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes, *, cut: bool) -> None:
        self.send_response_only(status)
        said = {name.lower() for name, _ in headers}
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        if "content-length" not in said and status not in (204, 304):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if cut:
            self.wfile.write(content[: len(content) // 2])
            self._hang_up()
        elif self.command != "HEAD":
            self.wfile.write(content)

    def _refuse(self, status: int, code: str, message: str) -> None:
        content = REFUSAL.format(code=code, message=message).encode()
        self._answer(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(content)))], content, cut=False)

    def _hang_up(self) -> None:
        """The connection ends here, as by a reset."""
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
