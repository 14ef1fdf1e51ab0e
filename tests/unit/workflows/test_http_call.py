import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from retrain.api.listeners import Listener, bind_tcp
from retrain.workflows.http_call import HttpCalls, is_loopback
from retrain.workflows.messages import Answered, CallHttp


async def echo(request: Request) -> PlainTextResponse:
    code = int(request.query_params.get("code", "200"))
    body = (await request.body()).decode()
    return PlainTextResponse(f"{request.method} {request.headers.get('x-token')} {body}", code, {"X-Kind": "echo"})


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def url(anyio_backend: str) -> AsyncIterator[str]:
    bound = bind_tcp("127.0.0.1:0")
    listener = Listener(Starlette(routes=[Route("/", echo, methods=["GET", "POST"])]), bound)
    await listener.start()
    yield f"http://127.0.0.1:{bound.getsockname()[1]}/"
    await listener.stop()


async def call(http: dict[str, Any], allowed: tuple[str, ...] = ()) -> Answered:
    return await HttpCalls(allowed, lambda name, key: {"s/k": "hidden"}.get(f"{name}/{key}"))(CallHttp("n", http))


@pytest.mark.anyio
async def test_the_body_is_the_result(url: str) -> None:
    headers = [{"name": "X-Token", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]
    answer = await call({"url": url, "method": "POST", "body": "hello", "headers": headers})
    assert answer == Answered("n", "Succeeded", outputs={"result": "POST hidden hello"})


@pytest.mark.anyio
async def test_another_status_is_a_failure_unless_the_condition_says_otherwise(url: str) -> None:
    answer = await call({"url": f"{url}?code=404"})
    assert (answer.phase, answer.message) == ("Failed", "received non-2xx response code: 404")
    accepted = {"url": f"{url}?code=404", "successCondition": 'response.statusCode == 404 && response.headers["X-Kind"][0] == "echo"'}
    assert (await call(accepted)).phase == "Succeeded"
    refused = await call({"url": url, "successCondition": 'response.body contains "nothing"'})
    assert (refused.phase, refused.message) == ("Failed", "successCondition 'response.body contains \"nothing\"' evaluated false")


@pytest.mark.anyio
async def test_nobody_answers() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        answer = await call({"url": f"http://127.0.0.1:{probe.getsockname()[1]}/"})
    assert answer.phase == "Error"
    assert answer.message.startswith('Get "http://127.0.0.1:')


@pytest.mark.anyio
@pytest.mark.parametrize("address", ["http://example.com/", "http://10.0.0.1/", "nonsense", ""])
async def test_other_machines_must_be_allowed(address: str) -> None:
    answer = await call({"url": address})
    assert answer.phase == "Error"
    assert "is neither this machine nor allowed" in answer.message


@pytest.mark.anyio
async def test_a_missing_secret_is_named(url: str) -> None:
    answer = await call({"url": url, "headers": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "s", "key": "gone"}}}]})
    assert (answer.phase, answer.message) == ("Error", "http template: header X: no Secret s with key gone")


def test_what_loopback_is() -> None:
    assert all(is_loopback(host) for host in ("localhost", "127.0.0.1", "127.8.8.8", "::1"))
    assert not any(is_loopback(host) for host in ("localhost.example.com", "128.0.0.1", "", "0x7f.1"))
