"""The data of a webhook event: `header`, `body` and `metadata`, as Argo's webhook source makes them from a request. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote_to_bytes

from localargo.errors import InvalidInput
from localargo.expressions import rawjson

DEEPEST = 512  # levels of a JSON body
MOST_FIELDS = 1000  # of a form or a query
MASKED = "*** Masked Auth Secret ***"
FORM = "application/x-www-form-urlencoded"
DROPPED = ("Host", "Transfer-Encoding", "Trailer")  # Go's server takes them out of the header
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
STRING_OR_SPACE = re.compile(r'"(?:[^"\\]|\\.)*"|[ \t\r\n]+')
STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')
SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
HTML = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def request_payload(method: str, query: bytes, raw_headers: Iterable[tuple[bytes, bytes]], body: bytes, metadata: Any) -> bytes:
    """The event's data as JSON text.

    GET: the query as name to values. POST of a form (that Content-Type exactly): its fields likewise. Any other POST: the body, which has
    to be JSON and keeps its numbers' digits. Raises InvalidInput.
    """
    header = headers(raw_headers)
    if method == "GET":
        content = rawjson.dumps(values(query.decode("latin-1"), strict=False), html=True)
    elif header.get("Content-Type", [""])[0] == FORM:
        values(query.decode("latin-1"), strict=True)  # Go reads both and fails on either
        content = rawjson.dumps(values(body.decode("latin-1"), strict=True), html=True)
    else:
        content = json_text(body)
    parts = [f'"header":{rawjson.dumps(header, html=True)}', f'"body":{content}']
    if metadata:
        parts.append(f'"metadata":{rawjson.dumps(metadata, html=True)}')
    return ("{" + ",".join(parts) + "}").encode()


def json_text(body: bytes) -> str:
    """The body itself, compact, when it is JSON. Raises InvalidInput for what Go's encoding/json refuses, and for what is too deep."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"it is not UTF-8 at byte {error.start}") from error
    if depth(text) > DEEPEST:
        raise InvalidInput(f"it is nested more than {DEEPEST} levels deep")
    rawjson.loads(text)
    return STRING_OR_SPACE.sub(_compact, text).translate(HTML)


def _compact(found: re.Match[str]) -> str:
    """Remove space between values; half a surrogate pair, which is not valid UTF-8, becomes U+FFFD as in Go's decoder."""
    token = found[0]
    if token[0] != '"':
        return ""
    return rawjson.quote(json.loads(token)) if SURROGATE.search(token) else token


def depth(text: str) -> int:
    """How deep JSON text is nested; brackets in strings do not count."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return 0  # too few brackets to be too deep
    now = deepest = 0
    for found in STRING_OR_BRACKET.finditer(text):
        now += (found[0] in "[{") - (found[0] in "]}")
        deepest = max(deepest, now)
    return deepest


def values(text: str, *, strict: bool) -> dict[str, list[str]]:
    """Names with all their values, as Go's url.ParseQuery: a pair that cannot be read is left out, or with `strict` an InvalidInput."""
    found: dict[str, list[str]] = {}
    pairs = [pair for pair in text.split("&") if pair]
    if len(pairs) > MOST_FIELDS:
        raise InvalidInput(f"it has more than {MOST_FIELDS} fields")
    for pair in pairs:
        if ";" in pair or ESCAPE.search(pair):
            if strict:
                raise InvalidInput("invalid semicolon separator in query" if ";" in pair else "invalid URL escape")
            continue
        name, _, value = pair.partition("=")
        found.setdefault(_unescaped(name), []).append(_unescaped(value))
    return found


def _unescaped(text: str) -> str:
    return unquote_to_bytes(text.replace("+", " ").encode("latin-1")).decode("utf-8", "replace")


def headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, list[str]]:
    """Header names in Go's canonical spelling with their values; Host is left out, Authorization is masked."""
    found: dict[str, list[str]] = {}
    for name, value in raw:
        key = canonical(name.decode("latin-1"))
        found.setdefault(key, []).append(value.decode("utf-8", "replace"))
    dropped = (*DROPPED, "Content-Length") if "Transfer-Encoding" in found else DROPPED
    found = {key: given for key, given in found.items() if key not in dropped}
    if "Authorization" in found:
        found["Authorization"] = [MASKED]
    return found


def canonical(name: str) -> str:
    """As Go's CanonicalMIMEHeaderKey: `x-github-event` is `X-Github-Event`; a name that is not a token stays as it is."""
    if not TOKEN.fullmatch(name):
        return name
    return "-".join(part[:1].upper() + part[1:].lower() for part in name.split("-"))
