"""The column types of a spec and the Arrow types that they stand for."""

from __future__ import annotations

from typing import Any

from handlers.data.statistics import is_list


def arrow_type(name: str) -> Any:
    """The Arrow type of a declared column type; timestamps are UTC microseconds."""
    import pyarrow as pa

    types = {
        "string": pa.string(),
        "int": pa.int64(),
        "float": pa.float64(),
        "boolean": pa.bool_(),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "date": pa.date32(),
        "vector": pa.list_(pa.float64()),
    }
    return types[name]


def type_name(arrow: Any) -> str:
    """The declared type that an Arrow type stands for; raises ValueError for a type that no feature can use."""
    import pyarrow.types as t

    tests = (
        ("boolean", t.is_boolean),
        ("int", t.is_integer),
        ("float", lambda a: t.is_floating(a) or t.is_decimal(a)),
        ("timestamp", t.is_timestamp),
        ("date", t.is_date),
        ("vector", lambda a: is_list(a) and (t.is_integer(a.value_type) or t.is_floating(a.value_type) or t.is_decimal(a.value_type))),
        ("string", lambda a: t.is_string(a) or t.is_large_string(a) or t.is_string_view(a)),
    )
    if t.is_dictionary(arrow):
        return type_name(arrow.value_type)
    for name, test in tests:
        if test(arrow):
            return name
    raise ValueError(str(arrow))
