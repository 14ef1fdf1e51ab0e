import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from threading import Thread
from typing import Any

import pytest

from localargo import errors
from retrain.client.connection import Connection

ANSWERS: dict[str, tuple[int, bytes]] = {}


class Handler(BaseHTTPRequestHandler):
    """Answers what the test has put into ANSWERS."""

    def do_GET(self) -> None:
        status, body = ANSWERS[self.path]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "socket"

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state folder on whose socket a server answers."""
    with ThreadingUnixStreamServer(str(tmp_path / "engine.sock"), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield tmp_path
        server.shutdown()
        thread.join()


def test_without_an_engine_it_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(errors.Unavailable, match="start one with `retrain up --state"):
        Connection(tmp_path)


def test_the_command_that_starts_one_can_be_copied(tmp_path: Path) -> None:
    with pytest.raises(errors.Unavailable, match=rf"start one with `retrain up --state '{tmp_path}/my state'`"):
        Connection(tmp_path / "my state")


def test_a_socket_that_nobody_listens_on_says_how_to_start_an_engine(state: Path, tmp_path: Path) -> None:
    connection = Connection(state)
    (tmp_path / "engine.sock").unlink()
    with pytest.raises(errors.Unavailable, match=rf"the engine on {state} does not answer .*: start it with `retrain up --state"):
        connection.call("GET", "/x")


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "InvalidInput"), (404, "NotFound"), (409, "AlreadyExists"), (422, "Unsupported"), (503, "Unavailable"), (500, "LocalArgoError")],
)
def test_the_status_decides_which_error_is_raised(state: Path, status: int, kind: str) -> None:
    """Argo Server's errors have a gRPC code, a message and details; only the status says what kind they are."""
    ANSWERS["/x"] = (status, json.dumps({"code": 5, "message": "why", "details": []}).encode())
    with pytest.raises(errors.LocalArgoError, match=r"^why$") as raised:
        Connection(state).call("GET", "/x")
    assert type(raised.value) is getattr(errors, kind)


def test_an_answer_that_is_not_json_is_shown(state: Path) -> None:
    ANSWERS["/x"] = (502, b"gateway")
    with pytest.raises(errors.LocalArgoError, match="the server answered 502: gateway"):
        Connection(state).call("GET", "/x")


def test_results_are_those_of_the_events_and_nothing_else(state: Path) -> None:
    ANSWERS["/x"] = (200, b': alive\n\nevent: a\ndata: {"result": 1}\n\ndata:{"result": "zw\xc3\xb6lf"}')
    assert list(Connection(state).results("/x", {})) == [1, "zwölf"]


def test_a_stream_that_fails_later_raises_what_it_says(state: Path) -> None:
    ANSWERS["/x"] = (200, b'data: {"result": 1}\n\ndata: {"error": {"message": "lost its informer"}}\n\n')
    results = Connection(state).results("/x", {})
    assert next(results) == 1
    with pytest.raises(errors.LocalArgoError, match="the server ended the stream: lost its informer"):
        next(results)


def test_a_stream_that_is_refused_raises_its_error(state: Path) -> None:
    ANSWERS["/x"] = (404, b'{"message": "no such pod"}')
    with pytest.raises(errors.NotFound, match="no such pod"):
        next(Connection(state).results("/x", {}))
