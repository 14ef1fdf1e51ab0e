"""Facts and actions as JSON and back, for the database.

The records are plain dataclasses, decoded by their type hints, so a new field needs no change here.
"""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Union, cast, get_args, get_origin, get_type_hints

from localargo.workflows import messages
from localargo.workflows.messages import Action, Fact

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Decode = Callable[[Any], Any]


def encode(message: Fact | Action) -> str:
    """The record as compact JSON; `kind` names its class."""
    return _encode(message)


def decode_fact(text: str) -> Fact:
    """The reverse of `encode` for a fact."""
    return cast(Fact, _read(text))


def decode_action(text: str) -> Action:
    """The reverse of `encode` for an action."""
    return cast(Action, _read(text))


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: getattr(value, name) for name in _names(type(value))}
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be stored")


_encode = json.JSONEncoder(default=_plain, separators=(",", ":"), ensure_ascii=False).encode


@cache
def _names(kind: type[DataclassInstance]) -> tuple[str, ...]:
    return tuple(f.name for f in dataclasses.fields(kind))


def _read(text: str) -> Any:
    tree = json.loads(text)
    kind = tree["kind"]
    record = getattr(messages, kind, None)
    if not (isinstance(record, type) and dataclasses.is_dataclass(record)):
        raise ValueError(f"unknown record {kind!r}")
    return _decoder(record)(tree)


@cache
def _decoder(hint: Any) -> Decode:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _record(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        inner = [_decoder(a) for a in arguments if a is not types.NoneType and _holds_records(a)]
        return (lambda v: None if v is None else inner[0](v)) if inner else _same
    if not _holds_records(hint):
        return _same
    each = _decoder(arguments[-1])
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return lambda v: {k: each(x) for k, x in v.items()}
    return lambda v: [each(x) for x in v]


def _record(kind: type) -> Decode:
    hints = get_type_hints(kind)
    nested = {name: _decoder(hint) for name, hint in hints.items() if _holds_records(hint)}

    def build(tree: dict[str, Any]) -> Any:
        known = {name: value for name, value in tree.items() if name in hints}  # an older engine may have stored fields that are no more
        return kind(**{name: nested[name](value) if name in nested else value for name, value in known.items()})

    return build


def _holds_records(hint: Any) -> bool:
    return (isinstance(hint, type) and dataclasses.is_dataclass(hint)) or any(_holds_records(a) for a in get_args(hint))


def _same(value: Any) -> Any:
    return value
