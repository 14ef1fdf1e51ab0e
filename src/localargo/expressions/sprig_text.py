"""sprig's functions on text: cutting, case, quoting, regular expressions, encodings, checksums."""

from __future__ import annotations

import base64
import binascii
import hashlib
import itertools
import re
import zlib
from collections.abc import Callable

from localargo.expressions import ExpressionError, re2
from localargo.expressions.gotext import go_quote
from localargo.expressions.sprig_registry import Json, function, text_of
from localargo.expressions.values import Budget

_SPACE = " \t\n\v\f\r\x85\xa0"


def _indent(count: int, text: str) -> str:
    if not 0 <= count <= 1000:
        raise ExpressionError(f"indent: {count} is out of range")
    return " " * count + text.replace("\n", "\n" + " " * count)


def strings(value: Json) -> list[str]:
    """sprig's strslice: the elements that are not nil as text, a scalar as a list of one."""
    if value is None:
        return []
    return [text_of(item) for item in value if item is not None] if isinstance(value, list) else [text_of(value)]


function("trim", "s")(lambda s: s.strip(_SPACE))
function("trimAll trimall", "ss")(lambda chars, s: s.strip(chars))
function("trimSuffix", "ss")(lambda end, s: s.removesuffix(end))
function("trimPrefix", "ss")(lambda start, s: s.removeprefix(start))
function("upper", "s")(lambda s: s.upper())
function("lower", "s")(lambda s: s.lower())
function("title", "s")(lambda s: re.sub(r"(?<![\w'])\w", lambda found: found[0].upper(), s))
function("untitle", "s")(lambda s: re.sub(r"(?<![\w'])\w", lambda found: found[0].lower(), s))
function("nospace", "s")(lambda s: "".join(s.split()))
function("contains", "ss")(lambda part, s: part in s)
function("hasPrefix", "ss")(lambda start, s: s.startswith(start))
function("hasSuffix", "ss")(lambda end, s: s.endswith(end))
function("cat", "*+")(lambda *values: " ".join(text_of(value) for value in values if value is not None))
function("quote", "*+")(lambda *values: " ".join(go_quote(text_of(value)) for value in values if value is not None))
function("squote", "*+")(lambda *values: " ".join(f"'{text_of(value)}'" for value in values if value is not None))
function("toString", "*")(text_of)
function("indent", "is")(_indent)
function("nindent", "is")(lambda count, s: "\n" + _indent(count, s))
function("plural", "ssi")(lambda one, many, count: one if count == 1 else many)
function("snakecase", "s")(lambda s: "_".join(_words(s)))
function("kebabcase", "s")(lambda s: "-".join(_words(s)))
function("camelcase", "s")(lambda s: "".join(word.title() for word in re.split(r"[_\- ]+", s)))
function("initials", "s")(lambda s: "".join(word[0] for word in s.split()))
function("splitList", "ss")(lambda separator, s: s.split(separator) if separator else list(s))
function("split", "ss")(lambda separator, s: {f"_{i}": part for i, part in enumerate(s.split(separator) if separator else list(s))})
function("join", "s*")(lambda separator, value: separator.join(strings(value)))
function("toStrings", "*")(strings)
function("sortAlpha", "*")(lambda value: sorted(strings(value)) if isinstance(value, list) else [text_of(value)])


def _words(text: str) -> list[str]:
    spaced = re.sub(r"([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])", lambda m: f"{m[1] or m[3]} {m[2] or m[4]}", text)
    return [word.lower() for word in re.split(r"[_\- ]+", spaced) if word]


@function("splitn", "sis")
def _splitn(separator: str, count: int, text: str) -> Json:
    parts = text.split(separator, count - 1) if separator and count > 0 else [text]
    return {f"_{index}": part for index, part in enumerate(parts)}


@function("replace", "sss")
def _replace(budget: Budget, old: str, new: str, text: str) -> str:
    budget.take(text.count(old) * len(new))
    return text.replace(old, new)


@function("repeat", "is")
def _repeat(budget: Budget, count: int, text: str) -> str:
    if count < 0:
        raise ExpressionError("repeat: negative Repeat count")
    budget.take(count * len(text))
    return text * count


@function("substr", "iis")
def _substr(start: int, end: int, text: str) -> str:
    raw = text.encode("utf-8", "replace")
    if start < 0:
        part = raw[: max(end, 0)]
    elif end < 0 or end > len(raw):
        part = raw[start:]
    else:
        part = raw[start:end]
    return part.decode("utf-8", "replace")


@function("trunc", "is")
def _trunc(count: int, text: str) -> str:
    raw = text.encode("utf-8", "replace")
    if count < 0:
        return raw[count:].decode("utf-8", "replace") if len(raw) + count > 0 else text
    return raw[:count].decode("utf-8", "replace")


@function("abbrev", "is")
def _abbrev(width: int, text: str) -> str:
    return text if width < 4 or len(text) <= width else text[: width - 3] + "..."


function("regexMatch mustRegexMatch", "ss")(re2.match)
function("regexQuoteMeta", "s")(lambda s: re.sub(r"[\\.+*?()|\[\]{}^$]", r"\\\g<0>", s))


@function("regexFind mustRegexFind", "ss")
def _find(pattern: str, text: str) -> str:
    found = re2.find(pattern, text)
    return (found[0] or "") if found else ""


@function("regexFindAll mustRegexFindAll", "ssi")
def _find_all(pattern: str, text: str, count: int) -> list[str]:
    return [match[0] or "" for match in itertools.islice(re2.find_all(pattern, text), None if count < 0 else count)]


@function("regexReplaceAll mustRegexReplaceAll", "sss")
def _replace_all(budget: Budget, pattern: str, text: str, new: str) -> str:
    return _substitute(budget, pattern, text, lambda found: re2.expand(new, found))


@function("regexReplaceAllLiteral mustRegexReplaceAllLiteral", "sss")
def _replace_all_literal(budget: Budget, pattern: str, text: str, new: str) -> str:
    return _substitute(budget, pattern, text, lambda found: new)


def _substitute(budget: Budget, pattern: str, text: str, replacement: Callable[[re2.Match], str]) -> str:
    parts: list[str] = []
    start = 0
    for found in re2.find_all(pattern, text):
        parts += [text[start : found.start()], replacement(found)]
        budget.take(len(parts[-1]) + 1)
        start = found.end()
    return "".join([*parts, text[start:]])


@function("regexSplit mustRegexSplit", "ssi")
def _regex_split(pattern: str, text: str, count: int) -> list[str]:
    parts: list[str] = []
    start = 0
    for found in re2.find_all(pattern, text):
        if (0 < count <= len(parts) + 1) or found.end() == 0:
            continue
        parts.append(text[start : found.start()])
        start = found.end()
    return [] if count == 0 else [*parts, text[start:]]


function("b64enc", "s")(lambda s: base64.b64encode(s.encode("utf-8", "replace")).decode())
function("b32enc", "s")(lambda s: base64.b32encode(s.encode("utf-8", "replace")).decode())
function("sha1sum", "s")(lambda s: hashlib.sha1(s.encode("utf-8", "replace"), usedforsecurity=False).hexdigest())
function("sha256sum", "s")(lambda s: hashlib.sha256(s.encode("utf-8", "replace")).hexdigest())
function("sha512sum", "s")(lambda s: hashlib.sha512(s.encode("utf-8", "replace")).hexdigest())
function("adler32sum", "s")(lambda s: str(zlib.adler32(s.encode("utf-8", "replace"))))


@function("b64dec", "s")
def _b64dec(text: str) -> str:
    """A text that is not base64 gives the error's message as its result, as in sprig."""
    try:
        return base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        wrong = re.search(r"[^A-Za-z0-9+/]", text)
        return f"illegal base64 data at input byte {wrong.start() if wrong else len(text) // 4 * 4}"


@function("b32dec", "s")
def _b32dec(text: str) -> str:
    try:
        return base64.b32decode(text).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return "illegal base32 data at input byte 0"
