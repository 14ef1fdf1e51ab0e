"""sprig's functions on lists, maps, JSON, types and absent values."""

from __future__ import annotations

import contextlib
import copy
import posixpath

from localargo.expressions import ExpressionError
from localargo.expressions.rawjson import dumps, indented, loads_go
from localargo.expressions.sprig_registry import Json, function, is_empty
from localargo.expressions.values import Budget, equal, go_type


def _clean(path: str) -> str:
    cleaned = posixpath.normpath(path) if path else "."
    return cleaned[1:] if cleaned.startswith("//") else cleaned


function("default", "**")(lambda fallback, value: fallback if is_empty(value) else value)
function("empty", "*")(is_empty)
function("coalesce", "*+")(lambda *values: next((value for value in values if not is_empty(value)), None))
function("all", "*+")(lambda *values: not any(map(is_empty, values)))
function("any", "*+")(lambda *values: not all(map(is_empty, values)))
function("ternary", "**b")(lambda yes, no, condition: yes if condition else no)


@function("fail", "s")
def _fail(message: str) -> Json:
    raise ExpressionError(message)


function("toJson mustToJson", "*")(lambda value: dumps(value, html=True))
function("toRawJson mustToRawJson", "*")(dumps)
function("toPrettyJson mustToPrettyJson", "*")(indented)
function("mustFromJson", "s")(loads_go)


@function("fromJson", "s")
def _from_json(text: str) -> Json:
    with contextlib.suppress(ExpressionError):
        return loads_go(text)
    return None


function("list tuple", "*+")(lambda *values: list(values))
function("first mustFirst", "l")(lambda items: items[0] if items else None)
function("last mustLast", "l")(lambda items: items[-1] if items else None)
function("rest mustRest", "l")(lambda items: items[1:])
function("initial mustInitial", "l")(lambda items: items[:-1])
function("append mustAppend push mustPush", "l*")(lambda items, value: [*items, value])
function("prepend mustPrepend", "l*")(lambda items, value: [value, *items])
function("concat", "l+")(lambda *lists: [item for items in lists for item in items])
function("reverse mustReverse", "l")(lambda items: items[::-1])
function("compact mustCompact", "l")(lambda items: [item for item in items if not is_empty(item)])
function("has mustHas", "**")(lambda needle, items: isinstance(items, list) and any(equal(item, needle) for item in items))
function("deepEqual", "**")(lambda left, right: type(left) is type(right) and equal(left, right))
function("deepCopy mustDeepCopy", "*")(copy.deepcopy)


@function("uniq mustUniq", "l")
def _uniq(budget: Budget, items: list[Json]) -> list[Json]:
    found: list[Json] = []
    for item in items:
        budget.step(len(found))
        if not any(equal(item, other) for other in found):
            found.append(item)
    return found


@function("without mustWithout", "l*+")
def _without(budget: Budget, items: list[Json], *omitted: Json) -> list[Json]:
    budget.step(len(items) * len(omitted))
    return [item for item in items if not any(equal(item, other) for other in omitted)]


@function("slice mustSlice", "li+")
def _slice(items: list[Json], *bounds: int) -> list[Json]:
    start, end = (bounds[0] if bounds else 0), (bounds[1] if len(bounds) > 1 else len(items))
    if not 0 <= start <= end <= len(items):
        raise ExpressionError("slice bounds out of range")
    return items[start:end]


@function("chunk mustChunk", "il")
def _chunk(size: int, items: list[Json]) -> list[Json]:
    if size <= 0:
        raise ExpressionError("chunk size must be positive")
    return [items[start : start + size] for start in range(0, len(items), size)]


@function("dict", "*+")
def _dict(*pairs: Json) -> dict[str, Json]:
    values = [*pairs, ""] if len(pairs) % 2 else list(pairs)
    return {key if isinstance(key, str) else dumps(key): value for key, value in zip(values[::2], values[1::2], strict=True)}


function("get", "ms")(lambda found, key: found.get(key, ""))
function("hasKey", "ms")(lambda found, key: key in found)
function("set", "ms*")(lambda found, key, value: {**found, key: value})
function("unset", "ms")(lambda found, key: {name: value for name, value in found.items() if name != key})
function("keys", "m+")(lambda *maps: [key for found in maps for key in sorted(found)])
function("values", "m")(lambda found: [found[key] for key in sorted(found)])
function("pluck", "sm+")(lambda key, *maps: [found[key] for found in maps if key in found])
function("pick", "ms+")(lambda found, *keys: {key: found[key] for key in keys if key in found})
function("omit", "ms+")(lambda found, *keys: {key: value for key, value in found.items() if key not in keys})
function("merge mustMerge", "m+")(lambda *maps: _merged(maps, False))
function("mergeOverwrite mustMergeOverwrite", "m+")(lambda *maps: _merged(maps, True))


def _merged(maps: tuple[dict[str, Json], ...], overwrite: bool) -> dict[str, Json]:
    result: dict[str, Json] = {}
    for found in maps:
        _merge_into(result, found, overwrite)
    return result


def _merge_into(target: dict[str, Json], source: dict[str, Json], overwrite: bool) -> None:
    for key, value in source.items():
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            _merge_into(target[key], value, overwrite)
        elif key not in target or is_empty(target[key]) or (overwrite and not is_empty(value)):
            target[key] = copy.deepcopy(value)


@function("dig", "***+")
def _dig(*arguments: Json) -> Json:
    *keys, fallback, found = arguments
    for key in keys:
        if not isinstance(found, dict) or not isinstance(key, str):
            raise ExpressionError("dig: needs keys, a default and a map")
        if key not in found:
            return fallback
        found = found[key]
    return found


_KINDS = {"<nil>": "invalid", "[]interface {}": "slice", "map[string]interface {}": "map", "time.Time": "struct", "time.Duration": "int64"}
function("kindOf", "*")(lambda value: _KINDS.get(go_type(value), go_type(value)))
function("typeOf", "*")(go_type)
function("kindIs", "s*")(lambda kind, value: _KINDS.get(go_type(value), go_type(value)) == kind)
function("typeIs", "s*")(lambda kind, value: go_type(value) == kind)
function("base", "s")(lambda path: posixpath.basename(path.rstrip("/")) or ("/" if path else "."))
function("dir", "s")(lambda path: _clean(path[: path.rfind("/") + 1]))
function("ext", "s")(lambda path: path[path.rfind(".") :] if path.rfind(".") > path.rfind("/") else "")
function("clean", "s")(_clean)
function("isAbs", "s")(lambda path: path.startswith("/"))
