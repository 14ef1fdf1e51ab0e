"""`http` templates: one request from the engine itself, to loopback or to a host that was allowed by name."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from retrain.errors import RetrainError
from retrain.expressions import exprlang
from retrain.ports import Doc
from retrain.workflows.messages import Answered, CallHttp

if TYPE_CHECKING:
    import httpx

TIMEOUT = 30.0  # seconds, Argo's default
MOST = 1 << 20  # bytes of a body that are kept as the node's result


class HttpCalls:
    """Makes the requests. `secret` gives the value of a Secret's key, None when there is none."""

    def __init__(self, allowed: Sequence[str], secret: Callable[[str, str], str | None]) -> None:
        self._allowed = frozenset(allowed)
        self._secret = secret

    async def __call__(self, action: CallHttp) -> Answered:
        """Send the request and judge the response; never raises for what the other side does."""
        import httpx

        http = action.http
        try:
            url = str(http.get("url") or "")
            self._permit(url)
            request = self._request(http)
            async with httpx.AsyncClient(trust_env=False, timeout=float(http.get("timeoutSeconds") or TIMEOUT)) as client:
                response = await client.send(client.build_request(**request))
            return judge(action, request, response)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Answered(action.node_id, "Error", f"{request_name(http)}: {error or type(error).__name__}")
        except RetrainError as error:
            return Answered(action.node_id, "Error", str(error))

    def _permit(self, url: str) -> None:
        host = urlsplit(url).hostname or ""
        if not (is_loopback(host) or host in self._allowed):
            raise RetrainError(f"http template: {host or url!r} is neither this machine nor allowed: start with --allow-host {host}")

    def _request(self, http: Doc) -> dict[str, Any]:
        headers = {}
        for header in http.get("headers") or []:
            reference = (header.get("valueFrom") or {}).get("secretKeyRef")
            if reference:
                value = self._secret(reference.get("name", ""), reference.get("key", ""))
                if value is None:
                    raise RetrainError(
                        f"http template: header {header['name']}: no Secret {reference.get('name')} with key {reference.get('key')}"
                    )
                headers[header["name"]] = value
            else:
                headers[header["name"]] = str(header.get("value") or "")
        body = http.get("body") or (http.get("bodyFrom") or {}).get("bytes") or ""
        return {"method": http.get("method") or "GET", "url": str(http["url"]), "headers": headers, "content": str(body).encode()}


def judge(action: CallHttp, request: Mapping[str, Any], response: httpx.Response) -> Answered:
    """Phase and result: 2xx is success unless `successCondition` says otherwise."""
    body = response.content[:MOST].decode("utf-8", "replace")
    outputs: Doc = {"result": body}
    condition = str(action.http.get("successCondition") or "")
    if not condition:
        if response.is_success:
            return Answered(action.node_id, "Succeeded", outputs=outputs)
        return Answered(action.node_id, "Failed", f"received non-2xx response code: {response.status_code}", outputs)
    scope = {
        "request": {
            **{k: request[k] for k in ("method", "url")},
            "body": request["content"].decode(),
            "headers": _lists(request["headers"]),
        },
        "response": {"statusCode": response.status_code, "body": body, "headers": _lists(dict(response.headers))},
    }
    if exprlang.compile(condition).evaluate(scope) is True:
        return Answered(action.node_id, "Succeeded", outputs=outputs)
    return Answered(action.node_id, "Failed", f"successCondition '{condition}' evaluated false", outputs)


def is_loopback(host: str) -> bool:
    """Whether the host name is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def request_name(http: Doc) -> str:
    """How Go's client names a request in its errors."""
    return f'{str(http.get("method") or "GET").capitalize()} "{http.get("url")}"'


def _lists(headers: Mapping[str, str]) -> dict[str, list[str]]:
    return {"-".join(part.capitalize() for part in name.split("-")): [value] for name, value in headers.items()}
