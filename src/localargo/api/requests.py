"""Reading requests: bodies, namespaces, label selectors. What is wrong with them is InvalidInput or NotFound."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.requests import Request

from localargo.api.backend import backend_of
from localargo.errors import InvalidInput, NotFound
from localargo.ports import Doc

MOST = 8 << 20  # bytes of a body: more than any Kubernetes object may have


async def body(request: Request) -> Doc:
    """The JSON object of the body; {} for an empty body."""
    parts = bytearray()
    async for chunk in request.stream():
        parts += chunk
        if len(parts) > MOST:
            raise InvalidInput(f"the body is larger than {MOST} bytes")
    if not parts:
        return {}
    try:
        tree = json.loads(parts, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"the body is not JSON: {error}") from None
    if not isinstance(tree, dict):
        raise InvalidInput("the body must be a JSON object")
    return tree


def check_namespace(request: Request) -> None:
    """Raises NotFound, which names the engine's namespace, when the path has another one."""
    asked, own = request.path_params["ns"], backend_of(request).namespace
    if asked != own:
        raise NotFound(f'namespaces "{asked}" not found: this engine has one namespace, {own}')


def labels(selector: str) -> Mapping[str, str]:
    """`a=b,c=d` of a label selector. Raises InvalidInput for anything else."""
    found = {}
    for part in filter(None, (p.strip() for p in selector.split(","))):
        name, equals, value = part.replace("==", "=").partition("=")
        if not equals or name.endswith("!"):
            raise InvalidInput(f"label selector {part!r} is not supported: use name=value")
        found[name.strip()] = value.strip()
    return found


def number(query: Mapping[str, str], name: str) -> int:
    """A parameter that counts something, 0 when it is not given. Raises InvalidInput."""
    text = query.get(name) or "0"
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InvalidInput(f"{name} is {text!r}, expected a number: 0 (no limit) or more")
    return int(text)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not valid JSON")
