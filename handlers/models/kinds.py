"""What a kind of estimator is: its class, the tasks that it supports, and how it learns."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

CLASSES, NUMBERS = ("binary", "multiclass"), ("regression",)


@dataclass(frozen=True, slots=True)
class Kind:
    """`streams`: learns from batches. `dense`: cannot read sparse rows. `missing`: accepts NaN.

    `trusted`: the types in its model file that skops does not trust by itself.
    """

    path: str
    tasks: tuple[str, ...]
    streams: bool
    dense: bool = False
    missing: bool = False
    trusted: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]

    def type(self) -> Any:
        module, _, name = self.path.rpartition(".")
        return getattr(import_module(module), name)
