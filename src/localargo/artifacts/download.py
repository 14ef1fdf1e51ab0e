"""Artifacts fetched over HTTP, from this machine only, with the messages of Argo's driver."""

from __future__ import annotations

import http.client
import shutil
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from localargo.errors import InvalidInput, NotFound, Unsupported
from localargo.loopback import is_loopback

SECONDS = 30.0


def download(url: str, headers: Sequence[Sequence[str]], to: Path) -> None:
    """Fetch a file. Raises Unsupported for any other host, also as the target of a redirection."""
    _permit(url)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Redirections())
    opener.addheaders = [*((name, value) for name, value in headers), *opener.addheaders]  # of equal names the first counts
    try:
        with opener.open(url, timeout=SECONDS) as answer, to.open("wb") as file:
            shutil.copyfileobj(answer, file)
    except urllib.error.HTTPError as e:
        e.close()
        status = f"{e.code} {e.reason}"
        if e.code == 404:
            raise NotFound(status) from None
        raise InvalidInput(f"loading content from {url} failed with reason: {status}") from None
    except urllib.error.URLError as e:
        raise InvalidInput(f'Get "{url}": {_reason(e.reason, url)}') from None


def _permit(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not is_loopback(parts.hostname or ""):
        raise Unsupported(f"http artifact {url}: only servers on this machine (localhost) are allowed: put the file into the bucket")


class _Redirections(urllib.request.HTTPRedirectHandler):
    """Follows redirections that stay on this machine."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: http.client.HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        _permit(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _reason(reason: object, url: str) -> str:
    if isinstance(reason, ConnectionRefusedError):
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return f"dial tcp {parts.hostname}:{port}: connect: connection refused"
    return str(reason)
