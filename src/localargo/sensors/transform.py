"""`transform` of a dependency: the event's data becomes the first output of a jq program, or the table that a Lua script returns."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any

from localargo.errors import InvalidInput
from localargo.expressions import ExpressionError, lua, rawjson

EXACT = 1 << 53  # integers up to here are the same as float64


class TransformFailed(InvalidInput):
    """The program failed on this event, or its first output is not an object: Argo drops the event."""


def transform(spec: Mapping[str, Any], data: bytes) -> bytes:
    """The data that filters and parameters see, as Go prints it. Raises TransformFailed for this event."""
    kind = next((kind for kind in ("jq", "script") if spec.get(kind)), None)
    if kind is None:
        return data
    try:
        event = _go_numbers(rawjson.loads(data.decode("utf-8", "replace")))
        if not isinstance(event, dict):
            raise ExpressionError("the event's data must be an object")
        result = apply(str(spec["jq"]), rawjson.dumps(event, sort=False)) if kind == "jq" else _by_script(str(spec["script"]), event)
        return rawjson.dumps(_as_floats(result), html=True).encode()
    except ExpressionError as error:
        raise TransformFailed(f"transform.{kind}: {error}") from None


def _by_script(script: str, event: Mapping[str, Any]) -> Any:
    """The table that a Lua script returns for the global `event`."""
    result = lua.run(script, event)
    if not isinstance(result, dict | list):
        raise ExpressionError("the script must return a table")
    return result


def apply(program: str, text: str) -> dict[str, Any]:
    """The first output of the program on JSON text. The event is only its input: the program comes from the manifest."""
    try:
        output = compiled(program).input_text(text).first()
    except StopIteration:
        raise TransformFailed("transform.jq gives no output for this event") from None
    except ValueError as error:
        raise TransformFailed(f"transform.jq: {str(error).strip()}") from None
    if not isinstance(output, dict):
        raise TransformFailed(f"transform.jq must give an object, not {type(output).__name__}")
    return output


@functools.lru_cache(maxsize=128)
def compiled(program: str) -> Any:
    """The program, shut off from the engine's environment, which jq would show to `env` and `$ENV`. Raises InvalidInput."""
    import jq

    try:
        return jq.compile(f". as $dot | {{}} as $ENV | def env: {{}}; $dot | (\n{program}\n)")
    except ValueError as error:
        raise InvalidInput(f"transform.jq: {str(error).strip()}") from None


def _go_numbers(value: Any) -> Any:
    """Numbers as Go's decoder hands them to jq: float64, so `1.0` is 1 and digits beyond the 17th are lost."""
    if isinstance(value, dict):
        return {key: _go_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_go_numbers(item) for item in value]
    if isinstance(value, rawjson.Number):
        number = float(value)
        if not math.isfinite(number):
            raise ExpressionError(f"json: cannot unmarshal number {value.text[:40]} into a float64")
        return number
    return value


def _as_floats(value: Any) -> Any:
    """jq prints a large float64 with all its digits; Go prints only the significant ones."""
    if isinstance(value, dict):
        return {key: _as_floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_floats(item) for item in value]
    return float(value) if isinstance(value, int) and abs(value) > EXACT else value
