"""Targets as files have them: 0 and 1, 0.0 and 1.0, true and false, no and yes."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from tests.handlers.stages.datasets import made, rows
from tests.handlers.stages.test_transform import refusal
from tests.handlers.stages.world import World, month


def test_a_value_that_is_no_class_is_named(world: World) -> None:
    world.spec["data"]["sources"]["incoming"]["columns"]["late"] = "string"
    world.spec["data"]["target"] = {"column": "late", "classes": ["no", "yes"], "positive": "yes"}
    world.put("1.csv", b"day,carrier,distance,late\n2013-01-01,AA,1,maybe\n")
    assert "1.csv: column 'late' has the value 'maybe' in 1 row; data.target.classes has no, yes" in refusal(world)


@pytest.mark.parametrize(
    ("kind", "classes", "written"),
    [
        ("float", [0, 1], ("0.0", "1.0")),
        ("float", [False, True], ("0", "1.0")),
        ("float", ["0", "1"], ("0.0", "1.0")),
        ("float", [0.0, 1.0], ("0", "1")),
        ("int", [False, True], ("0", "1")),
        ("int", [0.0, 1.0], ("0", "1")),
        ("boolean", [0, 1], ("false", "true")),
        ("string", [0, 1], ("0", "1.0")),
        ("string", [False, True], ("false", "1")),
        ("string", ["no", "yes"], ("no", "yes")),
        ("string", ["1", "1.50"], ("1", "1.50")),
    ],
)
def test_a_class_is_the_same_number_or_the_same_text(world: World, kind: str, classes: list[Any], written: tuple[str, str]) -> None:
    lines = month("2013-01-01", 30).decode().splitlines()
    plain = [line.endswith("true") for line in lines[1:]]
    lines[1:] = [f"{line.rpartition(',')[0]},{written[late]}" for line, late in zip(lines[1:], plain, strict=True)]
    lines.append("2013-01-02,AA,1,")
    world.spec["data"]["sources"]["incoming"]["columns"]["late"] = kind
    world.spec["data"]["target"] = {"column": "late", "classes": classes, "positive": classes[1]}
    world.put("1.csv", "\n".join([*lines, ""]).encode())
    dataset, summary, _ = made(world)
    assert summary["rows_made"] == 1200
    y = np.concatenate([batch.y for role in ("train", "valid", "test") for batch in rows(world, dataset, role)])
    days = [(date.fromisoformat(line[:10]) - date(1970, 1, 1)).days for line in lines[1:-1]]
    learned = set(dataset.units("train", "valid", "test"))
    assert y.tolist() == [float(late) for late, day in zip(plain, days, strict=True) if day in learned]


@pytest.mark.parametrize(
    ("kind", "classes", "value", "shown"),
    [
        ("float", [0, 1], "0.5", "0.5"),
        ("float", ["no", "yes"], "1.0", "1.0"),
        ("int", [0, 1], "2", "2"),
        ("boolean", ["no", "yes"], "true", "true"),
        ("boolean", ["0", "1"], "true", "true"),
        ("string", ["1", "2"], "1.0", "'1.0'"),
        ("string", [0, 1], "true", "'true'"),
        ("string", [False, True], "yes", "'yes'"),
    ],
)
def test_another_number_or_text_is_no_class(world: World, kind: str, classes: list[Any], value: str, shown: str) -> None:
    world.spec["data"]["sources"]["incoming"]["columns"]["late"] = kind
    world.spec["data"]["target"] = {"column": "late", "classes": classes}
    world.put("1.csv", f"day,carrier,distance,late\n2013-01-01,AA,1,{value}\n2013-01-01,AA,2,{value}\n".encode())
    listed = ", ".join(str(c).lower() for c in classes)
    assert f"incoming/late/1.csv: column 'late' has the value {shown} in 2 rows; data.target.classes has {listed}" in refusal(world)


def test_one_class_under_two_spellings_is_one_class(world: World) -> None:
    lines = [f"2013-01-{n // 20 + 1:02},AA,{n},{'1' if n % 2 else '1.0'}" for n in range(600)]
    world.spec["data"]["sources"]["incoming"]["columns"]["late"] = "string"
    world.spec["data"]["target"] = {"column": "late", "classes": [0, 1]}
    world.put("1.csv", "\n".join(["day,carrier,distance,late", *lines, ""]).encode())
    assert "data.target.column: 'late' is 1 in every row of train" in refusal(world)


def test_classes_of_floats_may_be_many(world: World) -> None:
    lines = [f"2013-01-{n // 20 + 1:02},AA,{n},{n % 4}.0" for n in range(600)]
    world.spec["task"] = "multiclass"
    world.spec["evaluate"] = {"select_by": "accuracy"}
    world.spec["promote"] = {}
    world.spec["data"]["sources"]["incoming"]["columns"]["late"] = "float"
    world.spec["data"]["target"] = {"column": "late", "classes": [3, 2, 1, 0]}
    world.put("1.csv", "\n".join(["day,carrier,distance,late", *lines, ""]).encode())
    dataset, _, _ = made(world)
    y = np.concatenate([batch.y for batch in rows(world, dataset, "test")])
    assert y[:8].tolist() == [3.0, 2.0, 1.0, 0.0] * 2


@pytest.mark.parametrize(("kind", "value", "fits"), [("int", "1.0", True), ("int", "1.5", False), ("boolean", "yes", False)])
def test_a_file_is_read_by_the_declared_type_first(world: World, kind: str, value: str, fits: bool) -> None:
    world.spec["data"]["sources"]["incoming"]["columns"]["late"] = kind
    world.spec["data"]["target"] = {"column": "late", "classes": [0, 1]}
    lines = [f"2013-01-{n // 20 + 1:02},AA,{n},{value if n % 2 else 0}" for n in range(600)]
    world.put("1.csv", "\n".join(["day,carrier,distance,late", *lines, ""]).encode())
    if fits:
        assert set(np.concatenate([batch.y for batch in rows(world, made(world)[0], "test")])) == {0.0, 1.0}
    else:
        assert f"'{value}' is not a" in refusal(world)
