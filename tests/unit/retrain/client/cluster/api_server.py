"""An HTTP server that gives a real API server's answers, and keeps what was asked.

answers.json was recorded from Kubernetes 1.34 with Argo Workflows 4.1.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml

RECORDED: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "answers.json").read_text(encoding="utf-8"))
WORKFLOWS = "/apis/argoproj.io/v1alpha1/namespaces/hello/workflows"
PODS = "/api/v1/namespaces/hello/pods"


def recorded(name: str) -> tuple[int, Any]:
    """A recorded answer: its status and its body."""
    return RECORDED[name]["status"], copy.deepcopy(RECORDED[name]["body"])


def workflow(name: str = "hello-jzltk", **metadata: Any) -> dict[str, Any]:
    """The recorded Workflow under another name."""
    document: dict[str, Any] = recorded("workflow")[1]
    document["metadata"] |= {"name": name, **metadata}
    return document


def listing(*items: dict[str, Any], version: str = "100", **metadata: Any) -> tuple[int, Any]:
    """The answer to a list."""
    return 200, {"items": list(items), "metadata": {"resourceVersion": version, **metadata}}


def stream(*events: tuple[str, dict[str, Any]]) -> tuple[int, Any]:
    """The answer to a watch."""
    return 200, "".join(json.dumps({"type": kind, "object": document}) + "\n" for kind, document in events)


@dataclass
class Request:
    """What a client asked."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class ApiServer:
    """Answers by method and path, each in turn, the last one again and again."""

    answers: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)
    address: str = ""

    def gives(self, request: str, *answers: tuple[int, Any]) -> None:
        self.answers[request] = list(answers)

    def kubeconfig(self, path: Path, user: dict[str, Any] | None = None, **context: str) -> Path:
        """A kubeconfig with the contexts `here` and `other`."""
        named = {"cluster": "c", "user": "u", **context}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "other",
            "clusters": [{"name": "c", "cluster": {"server": self.address}}],
            "users": [{"name": "u", "user": user or {"token": "secret"}}],
            "contexts": [{"name": "here", "context": named}, {"name": "other", "context": named}],
        }
        path.write_text(yaml.safe_dump(document), encoding="utf-8")
        return path


@contextmanager
def serving() -> Iterator[ApiServer]:
    """The server on a free port of loopback."""
    api = ApiServer()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            address = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, address.path, dict(parse_qsl(address.query)), headers, json.loads(body) if body else None)
            api.asked.append(request)
            given = api.answers.get(f"{self.command} {address.path}") or [recorded("no-kind")]
            status, found = given.pop(0) if len(given) > 1 else given[0]
            content = (found if isinstance(found, str) else json.dumps(found)).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    api.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
