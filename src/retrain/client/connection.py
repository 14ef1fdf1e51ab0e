"""HTTP to one server: answers as JSON, server-sent events, and errors by their status."""

from __future__ import annotations

import json
import weakref
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localargo import AlreadyExists, InvalidInput, LocalArgoError, NotFound, Unavailable, Unsupported
from retrain.client.state import start_command

if TYPE_CHECKING:
    import httpx

ERRORS: Mapping[int, type[LocalArgoError]] = {400: InvalidInput, 404: NotFound, 409: AlreadyExists, 422: Unsupported, 503: Unavailable}
SECONDS = 60.0  # for an answer to begin


class HttpServer:
    """Whatever answers an HTTP client. Raises the error that belongs to the answer's status, or Unavailable when nobody answers."""

    def __init__(self, http: httpx.Client, nobody: str, restart_hint: str) -> None:
        self._http = http
        self._nobody = nobody
        self.restart_hint = restart_hint

    def call(
        self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """The answer's JSON."""
        import httpx

        try:
            answer = self._http.request(method, path, json=body, params=query, headers=headers)
        except httpx.TransportError as error:
            raise self._unavailable(error) from error
        self._raise(answer)
        return answer.json() if answer.content else None

    def lines(self, path: str, query: Mapping[str, str], headers: Mapping[str, str], silence: float | None) -> Iterator[bytes]:
        """The lines of an answer while it comes. A pause of more than `silence` seconds means that the server is gone; None allows any."""
        import httpx

        timeout = httpx.Timeout(SECONDS, read=silence)
        try:
            with self._http.stream("GET", path, params=query, headers=headers, timeout=timeout) as answer:
                if answer.status_code >= 400:
                    answer.read()
                self._raise(answer)
                yield from _lines(answer.iter_bytes())
        except httpx.TransportError as error:
            raise self._unavailable(error) from error

    def refusal(self, status: int, message: str) -> LocalArgoError:
        """The error for an answer with this status."""
        return ERRORS.get(status, LocalArgoError)(message)

    def _raise(self, answer: httpx.Response) -> None:
        if answer.status_code < 400:
            return
        try:
            message = str(answer.json()["message"])
        except (ValueError, LookupError, TypeError):
            message = f"the server answered {answer.status_code}: {answer.text[:500]}"
        raise self.refusal(answer.status_code, message)

    def _unavailable(self, error: Exception) -> Unavailable:
        return Unavailable(f"{self._nobody} ({error}): {self.restart_hint}")


class Connection(HttpServer):
    """The engine of a state folder, by its socket."""

    def __init__(self, state: Path) -> None:
        import httpx

        from localargo import short_socket_path

        socket = state / "engine.sock"
        if not socket.exists():
            raise Unavailable(f"no engine runs on {state}: start one with {start_command(state)}")
        opened = ExitStack()
        transport = httpx.HTTPTransport(uds=opened.enter_context(short_socket_path(socket)))
        http = opened.enter_context(httpx.Client(transport=transport, base_url="http://engine", timeout=SECONDS))
        weakref.finalize(self, opened.close)
        super().__init__(http, f"the engine on {state} does not answer", f"start it with {start_command(state)}")

    def results(self, path: str, query: Mapping[str, str]) -> Iterator[Any]:
        """The `result` of each server-sent event, without a time limit."""
        for line in self.lines(path, query, {"Accept": "text/event-stream"}, None):
            if line.startswith(b"data:"):
                yield _result(json.loads(line[5:]))


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Whole lines, wherever the chunks were cut."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    if rest:
        yield rest


def _result(event: Any) -> Any:
    """What an event carries; a stream that fails after its first answer says so in an event."""
    if "error" in event:
        raise LocalArgoError(f"the server ended the stream: {event['error'].get('message')}")
    return event["result"]
