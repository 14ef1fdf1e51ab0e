import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.routing import Route

from localargo.api.listeners import Listener, bind_tcp
from localargo.workflows.http_call import HttpCalls
from localargo.workflows.messages import Answered, CallHttp


async def echo(request: Request) -> PlainTextResponse:
    code = int(request.query_params.get("code", "200"))
    body = (await request.body()).decode()
    return PlainTextResponse(f"{request.method} {request.headers.get('x-token')} {body}", code, {"X-Kind": "echo"})


async def never(request: Request) -> PlainTextResponse:
    await asyncio.Event().wait()
    raise AssertionError(request)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def url(anyio_backend: str) -> AsyncIterator[str]:
    bound = bind_tcp("127.0.0.1:0")
    moves = {"/moved": "/", "/away": "http://example.com/", "/round": "/round"}
    routes = [Route(path, lambda _, to=to: RedirectResponse(to)) for path, to in moves.items()]
    routes += [Route("/", echo, methods=["GET", "POST"]), Route("/never", never)]
    listener = Listener(Starlette(routes=routes), bound)
    await listener.start()
    yield f"http://127.0.0.1:{bound.getsockname()[1]}/"
    await listener.stop()


async def call(http: dict[str, Any], allowed: tuple[str, ...] = ()) -> Answered:
    secrets = {"s": {"kind": "Secret", "data": {"k": "aGlkZGVu"}}}
    return await HttpCalls(allowed, secrets.get)(CallHttp("n", http))


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
        there = f"127.0.0.1:{probe.getsockname()[1]}"
        answer = await call({"url": f"http://{there}/x"})
        posted = await call({"url": f"http://{there}/x", "method": "POST"})
    assert (answer.phase, answer.message) == ("Failed", f'Get "http://{there}/x": dial tcp {there}: connect: connection refused')
    assert posted.message == f'Post "http://{there}/x": dial tcp {there}: connect: connection refused'


@pytest.mark.anyio
async def test_redirections_are_followed_on_this_machine(url: str) -> None:
    assert (await call({"url": f"{url}moved"})).outputs == {"result": "GET None "}
    away = await call({"url": f"{url}away"})
    assert (away.phase, away.message.partition(" is neither")[0]) == ("Error", "http template: example.com")
    assert (await call({"url": f"{url}round"})).message == f'Get "{url}round": stopped after 10 redirects'


@pytest.mark.anyio
async def test_a_request_has_as_long_as_it_says(url: str) -> None:
    answer = await call({"url": f"{url}never", "timeoutSeconds": 0.01})
    assert (answer.phase, answer.message) == ("Failed", f'Get "{url}never": context deadline exceeded')


@pytest.mark.anyio
async def test_a_body_of_bytes_is_base64(url: str) -> None:
    answer = await call({"url": url, "method": "POST", "bodyFrom": {"bytes": "aGVsbG8="}, "body": "not this"})
    assert answer.outputs == {"result": "POST None hello"}
    bad = await call({"url": url, "method": "POST", "bodyFrom": {"bytes": "?"}})
    assert (bad.phase, bad.message.partition(":")[0]) == ("Failed", "http template")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("response.statusCode", "unable to cast expression result '200' to bool"),
        ("nosuch", "unknown name nosuch"),
        ('request.method == "" && request.body == "b" && request.headers["x"][0] == "y"', ""),
    ],
)
async def test_conditions_speak_of_the_request_as_it_is_declared(url: str, condition: str, message: str) -> None:
    answer = await call({"url": url, "body": "b", "headers": [{"name": "x", "value": "y"}], "successCondition": condition})
    assert answer.phase == ("Failed" if message else "Succeeded")
    assert answer.message.startswith(message)


@pytest.mark.anyio
@pytest.mark.parametrize("address", ["http://example.com/", "http://10.0.0.1/"])
async def test_other_machines_must_be_allowed(address: str) -> None:
    answer = await call({"url": address})
    assert answer.phase == "Error"
    assert "is neither this machine nor an allowed host" in answer.message


@pytest.mark.anyio
async def test_an_address_without_scheme() -> None:
    answer = await call({"url": "nonsense"})
    assert (answer.phase, answer.message) == ("Failed", 'Get "nonsense": unsupported protocol scheme ""')


@pytest.mark.anyio
async def test_a_missing_secret_is_named(url: str) -> None:
    answer = await call({"url": url, "headers": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "s", "key": "gone"}}}]})
    assert (answer.phase, answer.message) == ("Failed", "secret 's' does not have the key 'gone'")
    answer = await call({"url": url, "headers": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "none", "key": "k"}}}]})
    assert (answer.phase, answer.message) == ("Failed", 'secrets "none" not found')
