"""Who may do more than read: whoever knows the token, by a session of the browser or by the header of a program."""

from __future__ import annotations

import hmac
import secrets
from collections import OrderedDict
from urllib.parse import parse_qs, urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

COOKIE = "retrain_session"
MOST = 100  # sessions; the oldest ends
LONGEST = 16_384  # bytes of a form
SECONDS = 12 * 3600
OPEN = ("/sign-in", "/healthz", "/static/")  # paths that need no token


class Sessions:
    """The sessions of browsers that have shown the token; each has a word of its own that its forms carry back."""

    def __init__(self, token: str, *, act: bool) -> None:
        self._token, self.act = token, act
        self._words: OrderedDict[str, str] = OrderedDict()

    def knows(self, token: str) -> bool:
        """Whether it is the token; how long it takes does not say how much of it is right."""
        return hmac.compare_digest(token.encode(), self._token.encode())

    def begin(self) -> str:
        """The name of a new session."""
        name = secrets.token_urlsafe(32)
        self._words[name] = secrets.token_urlsafe(32)
        while len(self._words) > MOST:
            self._words.popitem(last=False)
        return name

    def end(self, request: Request) -> None:
        """Forget the session of a browser."""
        self._words.pop(request.cookies.get(COOKIE, ""), None)

    def word(self, request: Request) -> str:
        """The word that a form of this browser must carry; nothing without a session."""
        return self._words.get(request.cookies.get(COOKIE, ""), "")

    def by_header(self, request: Request) -> bool:
        """Whether a program shows the token."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self.knows(token)

    def may_read(self, request: Request) -> bool:
        return bool(self.word(request)) or self.by_header(request)


async def form(request: Request) -> dict[str, str]:
    """The fields of a form."""
    if int(request.headers.get("content-length") or LONGEST + 1) > LONGEST:
        raise HTTPException(413)
    return {
        name: values[-1] for name, values in parse_qs((await request.body()).decode("utf-8", "replace"), keep_blank_values=True).items()
    }


async def acting(request: Request, sessions: Sessions | None) -> dict[str, str]:
    """The fields of a form that may change something. Raises HTTPException unless it comes from a page of this server that was given to
    somebody who knows the token, or from a program that shows it."""
    if sessions is None or not sessions.act:
        raise HTTPException(403)
    fields = await form(request)
    if sessions.by_header(request):
        return fields
    if not is_own(request, sessions, fields):
        raise HTTPException(403)
    return fields


def is_own(request: Request, sessions: Sessions, fields: dict[str, str]) -> bool:
    """Whether a form comes from a page that its sender was given here."""
    word = sessions.word(request)
    return bool(word) and _from_here(request) and hmac.compare_digest(fields.get("csrf", "").encode(), word.encode())


def _from_here(request: Request) -> bool:
    """Whether the page that sends a form is one of this server, as far as the browser says."""
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def remembered(answer: Response, name: str) -> Response:
    """The answer, with the session's cookie."""
    answer.set_cookie(COOKIE, name, max_age=SECONDS, httponly=True, samesite="strict")
    return answer


class TokenForAll:
    """Lets nobody read without the token; a browser is shown where to give it."""

    def __init__(self, app: ASGIApp, sessions: Sessions) -> None:
        self._app, self._sessions = app, sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(OPEN):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        if self._sessions.may_read(request):
            await self._app(scope, receive, send)
        elif "text/html" in request.headers.get("accept", ""):
            await RedirectResponse("/sign-in", 303)(scope, receive, send)
        else:
            await Response("a bearer token is needed", 401, {"WWW-Authenticate": "Bearer"})(scope, receive, send)
