"""A receiver of events: a real HTTP server that answers as a test says, and keeps what it was sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[BaseHTTPRequestHandler], None]


def status(code: int, **headers: str) -> Answer:
    """Answers that and nothing more."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        for name, value in {"Content-Length": "0", **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()

    return answer


@dataclass
class Receiver:
    """`taken` are the bodies that were answered with success, `asked` all requests, each with its path, headers and body."""

    url: str = ""
    answers: Callable[[int], Answer] = lambda _: status(204)
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    taken: list[Any] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        """The ids of the CloudEvents that were taken."""
        return [event["id"] for event in self.taken]


@contextmanager
def receiving(answers: Callable[[int], Answer] = lambda _: status(204)) -> Iterator[Receiver]:
    """A receiver on a free port of this machine; `answers` gives the answer to the n-th request, from 0."""
    kept = Receiver(answers=answers)

    class Handler(BaseHTTPRequestHandler):
        body = b"null"

        def do_POST(self) -> None:
            self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kept.asked.append((self.path, dict(self.headers.items()), self.body))
            kept.answers(len(kept.asked) - 1)(self)
            self.close_connection = True

        def send_response(self, code: int, message: str | None = None) -> None:
            if 200 <= code < 300:
                kept.taken.append(json.loads(self.body))
            super().send_response(code, message)

        def do_GET(self) -> None:
            kept.asked.append((self.path, dict(self.headers.items()), b""))
            status(200)(self)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing of it is to be read."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        kept.url = f"http://127.0.0.1:{server.server_port}/hook"
        thread = threading.Thread(target=lambda: server.serve_forever(0.01), daemon=True)
        thread.start()
        yield kept
        server.shutdown()
        thread.join()
