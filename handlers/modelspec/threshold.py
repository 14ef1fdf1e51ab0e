"""The rule by which a binary model's threshold is chosen."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from handlers.modelspec.mapping import SpecMapping


class Threshold(SpecMapping):
    """From which score on a row is positive: chosen on `valid`."""

    maximise: Literal["f1", "accuracy"] | None = None
    precision_at_least: Annotated[float, Field(gt=0, le=1, strict=False)] | None = None

    @model_validator(mode="after")
    def _one_rule(self) -> Threshold:
        if (self.maximise is None) == (self.precision_at_least is None):
            raise ValueError("give one rule: maximise or precision_at_least")
        return self

    @property
    def rule(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude_none=True)
