"""`http` templates: one request sent by the engine, to loopback or to a host that was allowed by name."""

from __future__ import annotations

import asyncio
import base64
import binascii
import socket
from collections.abc import Callable, Sequence
from errno import ECONNREFUSED
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from localargo.errors import InvalidInput, LocalArgoError
from localargo.expressions import exprlang, gotext
from localargo.loopback import is_loopback
from localargo.ports import Doc
from localargo.workflows.environment import document_data
from localargo.workflows.messages import Answered, CallHttp

if TYPE_CHECKING:
    import httpx

MOST = 1 << 20  # bytes of a body that are kept as the node's result
REDIRECTIONS = 10  # as many as Go's client follows


class HttpCalls:
    """Sends the requests. `secret` returns a Secret's document, None when it does not exist."""

    def __init__(self, allowed: Sequence[str], secret: Callable[[str], Doc | None]) -> None:
        self._allowed = frozenset(allowed)
        self._secret = secret

    async def __call__(self, action: CallHttp) -> Answered:
        """Send the request and judge the response; never raises for failures of the server."""
        http = action.http
        try:
            limit = http.get("timeoutSeconds")
            async with asyncio.timeout(None if limit is None else float(limit)):
                return judge(action, await self._send(http))
        except (RequestFailed, TimeoutError) as error:
            why = str(error) if isinstance(error, RequestFailed) else "context deadline exceeded"
            return Answered(action.node_id, "Failed", f"{request_name(http)}: {why}")
        except NotPermitted as error:
            return Answered(action.node_id, "Error", str(error))
        except LocalArgoError as error:
            return Answered(action.node_id, "Failed", str(error))

    async def _send(self, http: Doc) -> httpx.Response:
        """Raises RequestFailed with Go's message, NotPermitted."""
        import httpx

        hooks: dict[str, list[Callable[..., Any]]] = {"request": [self._permit]}
        verify = not http.get("insecureSkipVerify")
        try:
            async with httpx.AsyncClient(
                trust_env=False,
                timeout=httpx.Timeout(None),
                verify=verify,
                follow_redirects=True,
                max_redirects=REDIRECTIONS,
                event_hooks=hooks,
            ) as client:
                return await client.send(client.build_request(**self._request(http)))
        except httpx.ConnectError as error:
            raise RequestFailed(_dial(str(http.get("url") or ""), error)) from error
        except httpx.TooManyRedirects as error:
            raise RequestFailed(f"stopped after {REDIRECTIONS} redirects") from error
        except httpx.RemoteProtocolError as error:
            raise RequestFailed("EOF") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RequestFailed(str(error) or type(error).__name__) from error

    async def _permit(self, request: httpx.Request) -> None:
        host = request.url.host
        if not (is_loopback(host) or host in self._allowed):
            raise NotPermitted(f"http template: {host} is neither this machine nor an allowed host: allow it when the engine is started")

    def _request(self, http: Doc) -> dict[str, Any]:
        url = str(http.get("url") or "")
        scheme = urlsplit(url).scheme
        if scheme not in ("http", "https"):
            raise RequestFailed(f'unsupported protocol scheme "{scheme}"')
        headers = [(str(header.get("name") or ""), self._header(header)) for header in http.get("headers") or []]
        return {"method": http.get("method") or "GET", "url": url, "headers": headers, "content": _body(http)}

    def _header(self, header: Doc) -> str:
        reference = (header.get("valueFrom") or {}).get("secretKeyRef")
        if not reference:
            return str(header.get("value") or "")
        name, key = reference.get("name", ""), reference.get("key", "")
        document = self._secret(name)
        if document is None:
            raise InvalidInput(f'secrets "{name}" not found')
        data = document_data(document)
        if key not in data:
            raise InvalidInput(f"secret '{name}' does not have the key '{key}'")
        return data[key]


class RequestFailed(LocalArgoError):
    """The request got no response."""


class NotPermitted(LocalArgoError):
    """The request would leave this machine."""


def judge(action: CallHttp, response: httpx.Response) -> Answered:
    """Phase and result: 2xx succeeds unless `successCondition` decides. Raises InvalidInput for a condition that is not a boolean."""
    body = response.content[:MOST].decode("utf-8", "replace")
    outputs: Doc = {"result": body}
    condition = str(action.http.get("successCondition") or "")
    if not condition:
        if response.is_success:
            return Answered(action.node_id, "Succeeded", outputs=outputs)
        return Answered(action.node_id, "Failed", f"received non-2xx response code: {response.status_code}", outputs)
    answer = exprlang.compile(condition).evaluate(_scope(action.http, response, body))
    if not isinstance(answer, bool):
        raise InvalidInput(f"unable to cast expression result '{gotext.go_value(answer)}' to bool")
    if answer:
        return Answered(action.node_id, "Succeeded", outputs=outputs)
    return Answered(action.node_id, "Failed", f"successCondition '{condition}' evaluated false", outputs)


def _scope(http: Doc, response: httpx.Response, body: str) -> dict[str, Any]:
    """The variables of a condition: the request as declared and the response as received."""
    plain = [header for header in http.get("headers") or [] if not header.get("valueFrom")]
    received: dict[str, list[str]] = {}
    for name, value in response.headers.multi_items():
        received.setdefault("-".join(part.capitalize() for part in name.split("-")), []).append(value)
    return {
        "request": {
            "method": http.get("method") or "",
            "url": http.get("url") or "",
            "body": http.get("body") or "",
            "bodyBytes": list(_body(http)) if http.get("bodyFrom") else None,
            "headers": {str(header.get("name") or ""): [str(header.get("value") or "")] for header in plain},
        },
        "response": {"statusCode": response.status_code, "body": body, "headers": received},
    }


def _body(http: Doc) -> bytes:
    """The request's body; `bodyFrom.bytes` is base64, like bytes in JSON."""
    if not http.get("bodyFrom"):
        return str(http.get("body") or "").encode()
    try:
        return base64.b64decode(str(http["bodyFrom"].get("bytes") or ""), validate=True)
    except binascii.Error as error:
        raise InvalidInput(f"http template: bodyFrom.bytes is not base64: {error}") from None


def _dial(url: str, error: Exception) -> str:
    """Why there is no connection, in Go's words."""
    parts = urlsplit(url)
    host = {"localhost": "[::1]"}.get(parts.hostname or "", f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return f"dial tcp: lookup {parts.hostname}: no such host"
        if isinstance(cause, OSError) and cause.errno == ECONNREFUSED:
            return f"dial tcp {host}:{port}: connect: connection refused"
        cause = cause.__cause__ or cause.__context__
    refused = "All connection attempts failed" in str(error)
    return f"dial tcp {host}:{port}: connect: connection refused" if refused else str(error)


def request_name(http: Doc) -> str:
    """The request as Go's client names it in errors."""
    return f'{str(http.get("method") or "GET").capitalize()} "{http.get("url")}"'
