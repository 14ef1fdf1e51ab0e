"""The keys of `search`: which trials a run trains."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from handlers.modelspec.mapping import Number, SpecMapping


class Range(SpecMapping):
    """Where a parameter is looked for: exactly one of these."""

    choice: list[Any] | None = Field(default=None, min_length=1)
    uniform: tuple[Number, Number] | None = Field(default=None, strict=False)
    log_uniform: tuple[Number, Number] | None = Field(default=None, strict=False)
    int_: tuple[int, int] | None = Field(default=None, strict=False, alias="int")

    @model_validator(mode="after")
    def _one(self) -> Range:
        given = [name for name in ("choice", "uniform", "log_uniform", "int_") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of choice, uniform, log_uniform, int")
        if self.bounds and not self.bounds[0] < self.bounds[1]:
            raise ValueError(f"{given[0].strip('_')}: {list(self.bounds)} is not accepted; accepted: [low, high], the lower one first")
        if self.log_uniform and self.log_uniform[0] <= 0:
            raise ValueError(f"log_uniform: {self.log_uniform[0]} is not accepted; accepted: numbers above 0")
        return self

    @property
    def bounds(self) -> tuple[Number, Number] | None:
        return self.uniform or self.log_uniform or self.int_


class Random(SpecMapping):
    n: int = Field(ge=1)
    seed: int = Field(default=0, ge=0, lt=1 << 32)

    @model_validator(mode="before")
    @classmethod
    def _number(cls, given: Any) -> Any:
        return {"n": given} if isinstance(given, int) and not isinstance(given, bool) else given


class HalvingOf(SpecMapping):
    random: Random


class Halving(SpecMapping):
    """`of`: another place for `search.random`."""

    eta: int = Field(default=3, ge=2)
    min_epochs: int = Field(default=1, ge=1)
    mode: Literal["sync", "async"] = "sync"
    of: HalvingOf | None = None


class Until(SpecMapping):
    """Rounds of trials until `metric` on valid is good enough."""

    rounds: int = Field(ge=2, le=50)
    metric: str | None = None
    at_least: Number | None = None
    at_most: Number | None = None


EPOCHS = re.compile(r"([1-9]\d{0,5}) epochs?")
WORSE = re.compile(r"median|best ([-+]) (\d+(?:\.\d+)?(?:e-\d+)?)")


class Stop(SpecMapping):
    """When a trial ends before its last epoch: when it is worse than the others were after as many epochs."""

    after: str
    worse_than: str

    @field_validator("after")
    @classmethod
    def _epochs(cls, given: str) -> str:
        if EPOCHS.fullmatch(given) is None:
            raise ValueError(f"{given!r} is not accepted; accepted: a number of epochs, as 2 epochs")
        return given

    @field_validator("worse_than")
    @classmethod
    def _worse(cls, given: str) -> str:
        if WORSE.fullmatch(given) is None:
            raise ValueError(f"{given!r} is not accepted; accepted: best - 0.02, best + 0.02 where less is better, or median")
        return given

    @property
    def epochs(self) -> int:
        return int(self.after.partition(" ")[0])

    @property
    def margin(self) -> float | None:
        """How much worse than the best; None for the median."""
        return None if self.worse_than == "median" else float(self.worse_than.rpartition(" ")[2])

    @property
    def where_more_is_better(self) -> bool | None:
        """Which metrics the text is written for; None for all."""
        return None if self.worse_than == "median" else " - " in self.worse_than


class Search(SpecMapping):
    grid: dict[str, list[Any]] | None = None
    space: dict[str, Range] | None = Field(default=None, min_length=1)
    random: Random | None = None
    halving: Halving | None = None
    until: Until | None = None
    # a spec that says nothing of them keeps the names of its runs
    sampler: Literal["random", "tpe"] | None = Field(default=None, exclude_if=lambda value: value is None)
    stop: Stop | None = Field(default=None, exclude_if=lambda value: value is None)

    @property
    def drawn(self) -> Random | None:
        """How many trials are drawn at random; None for every combination of the grid."""
        return self.random or (self.halving.of.random if self.halving and self.halving.of else None)

    @property
    def ranges(self) -> dict[str, Range]:
        """Where each parameter is drawn from: the space, or the values of the grid."""
        return self.space or {name: Range(choice=values) for name, values in (self.grid or {}).items()}

    @property
    def has_rounds(self) -> bool:
        """Whether trials follow from the results of those before."""
        return self.halving is not None or self.until is not None
