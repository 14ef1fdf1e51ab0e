"""The API server's rules for a document's metadata: names, labels and annotations. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from localargo.errors import InvalidInput

LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = re.compile(rf"{LABEL}(\.{LABEL})*")
PART = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
LONGEST_NAME = 253
LONGEST_PART = 63
LONGEST_ANNOTATIONS = 256 * 1024
NAME_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


def check(resource: str, metadata: Mapping[str, Any]) -> None:
    """Raise InvalidInput with the API server's message; `resource` is for example `workflows.argoproj.io`."""
    for place, message in wrong(metadata):
        raise InvalidInput(f'{resource} "{metadata.get("name")}" is invalid: metadata.{place}: {message}')


def wrong(metadata: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What the API server holds against the metadata: the place and the message."""
    name = metadata.get("name")
    if not isinstance(name, str) or len(name) > LONGEST_NAME or not SUBDOMAIN.fullmatch(name):
        yield "name", f'Invalid value: "{name}": {NAME_RULE}'
    for field in ("labels", "annotations"):
        given = metadata.get(field) or {}
        if not isinstance(given, Mapping):
            yield field, "Invalid value: a mapping is needed"
            continue
        for key, value in given.items():
            if not _is_key(str(key)):
                yield field, f'Invalid value: "{key}": a name is needed, as example.com/name'
            if not isinstance(value, str):
                yield f"{field}.{key}", f"Invalid value: {value!r}: text is needed, put it in quotes"
            elif field == "labels" and value and (len(value) > LONGEST_PART or not PART.fullmatch(value)):
                yield field, f'Invalid value: "{value}": {VALUE_RULE}'
        if field == "annotations" and sum(len(str(k)) + len(str(v)) for k, v in given.items()) > LONGEST_ANNOTATIONS:
            yield field, f"Too long: must have at most {LONGEST_ANNOTATIONS} bytes"


def _is_key(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    if slash and (len(prefix) > LONGEST_NAME or not SUBDOMAIN.fullmatch(prefix)):
        return False
    return len(name) <= LONGEST_PART and PART.fullmatch(name) is not None
