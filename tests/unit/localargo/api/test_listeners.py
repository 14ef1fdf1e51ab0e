import os
import socket
import stat
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from localargo.api.app import TokenRequired
from localargo.api.listeners import Listener, bind_tcp, bind_unix, short
from localargo.errors import InvalidInput, Unavailable


async def hello(request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


APP = Starlette(routes=[Route("/", hello), Route("/healthz", hello)])


@pytest.mark.anyio
async def test_the_socket_answers_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    path.write_text("left by an engine that died")
    listener = Listener(APP, bind_unix(path))
    await listener.start()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(path)), base_url="http://engine") as client:
        assert (await client.get("/")).text == "hello"
    await listener.stop()


@pytest.mark.anyio
async def test_tcp_wants_the_token_but_for_the_health_check() -> None:
    bound = bind_tcp("127.0.0.1:0")
    listener = Listener(TokenRequired(APP, "secret"), bound)
    await listener.start()
    url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        refused = await client.get("/", headers={"Authorization": "Bearer secrets"})
        assert refused.status_code == 401
        assert refused.json()["kind"] == "Unauthorized"
        assert (await client.get("/")).status_code == 401
        assert (await client.get("/", headers={"Authorization": "Bearer secret"})).text == "hello"
        assert (await client.get("/healthz")).text == "hello"
    await listener.stop()


@pytest.mark.parametrize("listen", ["0.0.0.0:80", "example.com:80", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000"])
def test_only_loopback_is_served(listen: str) -> None:
    with pytest.raises(InvalidInput, match="expected HOST:PORT with a loopback address"):
        bind_tcp(listen)


def test_a_port_in_use_is_told() -> None:
    first = bind_tcp("localhost:0")
    first.listen()
    with pytest.raises(Unavailable, match="choose another port"):
        bind_tcp(f"127.0.0.1:{first.getsockname()[1]}")
    first.close()


def test_a_path_too_long_for_a_socket_is_reached_by_a_link(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    bound = bind_unix(deep / "engine.sock")
    bound.listen()
    with short(deep / "engine.sock") as address, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        assert len(address) <= 100
        client.connect(address)
    bound.close()
    assert not Path(address).parent.exists()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        tmp_path = Path("/proc")
    else:
        tmp_path.chmod(0o500)
    with pytest.raises((Unavailable, OSError)):
        bind_unix(tmp_path / "engine.sock")
