"""`transform.jq` of a dependency: the event's data becomes the first output of a jq program, which must be an object."""

from __future__ import annotations

import functools
import json
from typing import Any

from retrain.errors import InvalidInput, Unsupported


class TransformFailed(InvalidInput):
    """The program failed on this event, or its first output is no object: Argo drops the event."""


def transform(spec: dict[str, Any], data: bytes) -> bytes:
    """The data that filters and parameters see. Raises TransformFailed for this event, Unsupported for Lua."""
    if spec.get("script"):
        raise Unsupported("transform.script: Lua does not run here; write the transform in jq")
    program = spec.get("jq")
    if not program:
        return data
    return json.dumps(apply(str(program), data.decode()), ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def apply(program: str, text: str) -> dict[str, Any]:
    """The first output of the program on JSON text. An event is data: the program comes from the manifest alone."""
    try:
        output = _compiled(program).input_text(text).first()
    except StopIteration:
        raise TransformFailed("transform.jq gives no output for this event") from None
    except ValueError as error:
        raise TransformFailed(f"transform.jq: {str(error).strip()}") from None
    if not isinstance(output, dict):
        raise TransformFailed(f"transform.jq gives {type(output).__name__}; an object is needed")
    return output


@functools.lru_cache(maxsize=128)
def _compiled(program: str) -> Any:
    import jq

    try:
        # jq would show the engine's environment to `env` and `$ENV`
        return jq.compile(f"def env: {{}}; . as $dot | {{}} as $ENV | $dot | ({program})")
    except ValueError as error:
        raise InvalidInput(f"transform.jq: {str(error).strip()}") from None
