"""The keys of `trigger`: when a run is started, and which of them may train."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from handlers.modelspec.mapping import Number, SpecMapping
from handlers.modelspec.quantities import check_duration, check_zone

Duration = Annotated[str, AfterValidator(check_duration)]
Zone = Annotated[str, AfterValidator(check_zone)]


class Schedule(SpecMapping):
    """When a run is started by the clock; the manifests of it are generated from the spec."""

    cron: Annotated[str, Field(pattern=r"^[0-9A-Za-z*?,/-]+( [0-9A-Za-z*?,/-]+){4}$")]
    timezone: Zone = "UTC"


class DailyBudget(SpecMapping):
    """What a model's trainings may take of a day (UTC)."""

    runs: int | None = Field(default=None, ge=1)
    money: Annotated[Number, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _something(self) -> DailyBudget:
        if self.runs is None and self.money is None:
            raise ValueError("give runs, money or both")
        return self


class Price(SpecMapping):
    """What the model's steps cost. `spot`: what a spot machine costs of that, as a share."""

    cpu_hour: Annotated[Number, Field(gt=0)]
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    spot: Annotated[Number, Field(gt=0, le=1)] | None = None

    def of(self, processor_seconds: float) -> float:
        return float(self.cpu_hour) * processor_seconds / 3600


class Trigger(SpecMapping):
    schedule: Schedule | None = None
    quiet: Duration = "30s"
    at_most: Duration = "10m"
    min_new_rows: int = Field(default=1, ge=0)
    cooldown: Duration = "0s"
    daily_budget: DailyBudget | None = None
    price: Price | None = None
    in_flight: Literal["queue", "skip", "supersede"] = "queue"

    @model_validator(mode="after")
    def _priced(self) -> Trigger:
        if self.daily_budget is not None and self.daily_budget.money is not None and self.price is None:
            raise ValueError("price: required with daily_budget.money; say what a processor hour costs: {cpu_hour: 0.05, currency: EUR}")
        return self
