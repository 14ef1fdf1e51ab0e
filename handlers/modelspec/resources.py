"""The keys of `resources`, and what they mean for the pods of a stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from handlers.modelspec.mapping import SpecMapping
from handlers.modelspec.quantities import amount, check_quantity, seconds
from handlers.modelspec.trigger import Duration

Quantity = Annotated[str | int | float, AfterValidator(check_quantity)]
Pool = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]

# the stages whose pods a spec can give a size
Sized = Literal["train", "evaluate"]
SPOT, ON_DEMAND = "spot", "on-demand"
SPOT_ATTEMPTS = 3
LONGEST = "7d"  # as a whole run: activeDeadlineSeconds of `retrain`
# cpu, the memory that is asked for, and that which may be used
USUAL: dict[Sized, tuple[str, str, str]] = {"train": ("1", "2Gi", "2Gi"), "evaluate": ("500m", "512Mi", "2Gi")}


class Memory(SpecMapping):
    """What the first attempt gets, and what an attempt gets after one that was killed for its memory."""

    request: Quantity
    limit: Quantity

    @model_validator(mode="after")
    def _ordered(self) -> Memory:
        if amount(str(self.limit)) < amount(str(self.request)):
            raise ValueError(f"limit: {self.limit} is less than the request of {self.request}")
        return self


def _memory(given: Any) -> Any:
    """A mapping is read here, so that what is wrong in it is not hidden behind the other form."""
    if not isinstance(given, dict):
        return given
    try:
        return Memory.model_validate(given)
    except ValidationError as error:
        why = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ValueError(f"{given} is not accepted ({why}); accepted: 2Gi, or {{request: 2Gi, limit: 8Gi}}") from None


class Resources(SpecMapping):
    """Of one stage. `spot`: its first `spot_attempts` attempts run in the pool `spot`, later ones in `pool`."""

    cpu: Quantity | None = None
    memory: Annotated[Quantity | Memory | None, BeforeValidator(_memory)] = None
    gpu: int | None = Field(default=None, ge=0)
    pool: Pool | None = None
    spot: bool | None = None
    spot_attempts: int | None = Field(default=None, ge=1)
    parallel: int | None = Field(default=None, ge=1)
    max_runtime: Duration | None = None
    retries: int | None = Field(default=None, ge=0)

    @property
    def asked_memory(self) -> str | None:
        """The memory that the first attempt asks for; None where the spec does not say."""
        asked = self.memory.request if isinstance(self.memory, Memory) else self.memory
        return None if asked is None else str(asked)

    @property
    def most_memory(self) -> str | None:
        """The memory that an attempt may get at most; None where the spec does not say."""
        most = self.memory.limit if isinstance(self.memory, Memory) else self.memory
        return None if most is None else str(most)


def pods(stage: Sized, asked: Resources | None) -> dict[str, str]:
    """The settings of a stage's pods, all of them texts, which the tags of its template put into place.

    `memory` is asked for and `limit` may be used; `more` is both after an attempt that was killed for its memory. The first `spot_attempts`
    attempts run in the pool `first`, later ones in `later`.
    """
    asked = asked or Resources()
    cpu, memory, limit = USUAL[stage]
    if asked.asked_memory is not None:
        memory = limit = asked.asked_memory
    later = asked.pool or ON_DEMAND
    return {
        "cpu": str(asked.cpu or cpu),
        "memory": memory,
        "limit": limit,
        "more": asked.most_memory or limit,
        "gpu": str(asked.gpu or 0),
        "first": SPOT if asked.spot else later,
        "later": later,
        "spot_attempts": str(asked.spot_attempts or SPOT_ATTEMPTS),
        "max_runtime": f"{seconds(asked.max_runtime or LONGEST):.0f}",
    }


def grows(settings: Mapping[str, str]) -> bool:
    """Whether an attempt that was killed for its memory is followed by one that has more."""
    return amount(settings["more"]) > amount(settings["limit"])
