"""Serves the pages until asked to stop."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Mapping

from localargo import Unavailable
from retrain.client.place import Cluster, Place
from retrain.page.app import build
from retrain.page.news import News
from retrain.page.questions import Questions
from retrain.page.sessions import Sessions
from retrain.page.site import Site
from retrain.page.workflows import Workflows

LOOPBACK = ("127.0.0.1", "localhost", "::1")
CLOSING = 1  # seconds that an open stream delays the end


def site(place: Place | None, bucket: Mapping[str, str], title: str, token: str = "", *, act: bool = False) -> Site:
    """A site on a place and its bucket, or on a bucket alone. With `act`, whoever knows the token may do more than read."""
    news = News()
    questions = Questions(bucket, lambda: news.tell("bucket"), lambda: news.heard)

    def told(name: str, sentence: str) -> None:
        news.tell(f"workflow:{name}", sentence)
        news.tell("workflows")
        questions.hurry()

    return Site(
        questions, news, title, place, Workflows(place, told) if place is not None else None, Sessions(token, act=act) if token else None
    )


def title_of(place: Place | None, bucket: Mapping[str, str]) -> str:
    """What the pages say they show."""
    if isinstance(place, Cluster):
        return place.context
    return str(place) if place is not None else bucket.get("RETRAIN_BUCKET", "")


def is_loopback(host: str) -> bool:
    """Whether nobody on another machine reaches what listens there."""
    return host in LOOPBACK


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises Unavailable where it cannot."""
    try:
        family, kind, protocol, _, found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(found)
    except OSError as error:
        raise Unavailable(f"{host}:{port}: {error.strerror}: choose another by --listen (port 0 takes a free one)") from None
    return bound


def address(bound: socket.socket) -> str:
    """Where a browser finds what listens there."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def serve(shown: Site, bound: socket.socket, *, while_open: bool = False) -> None:
    """Answer until SIGINT or SIGTERM, or, `while_open`, until standard input ends."""
    import uvicorn

    guarded = not is_loopback(bound.getsockname()[0])
    app = build(shown, ["*"] if guarded else [*LOOPBACK, "[::1]"], token_for_all=guarded)
    config = uvicorn.Config(app, log_level="warning", access_log=False, ws="none", server_header=False, timeout_graceful_shutdown=CLOSING)
    server = uvicorn.Server(config)

    def wait() -> None:
        sys.stdin.read()
        server.should_exit = True

    if while_open:
        threading.Thread(target=wait, name="input", daemon=True).start()
    server.run(sockets=[bound])
