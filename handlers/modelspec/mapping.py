"""What every mapping of a spec is, and the values that many of them have."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

Number = int | float
Scalar = bool | int | float | str


class SpecMapping(BaseModel):
    """Every mapping of a spec: unknown keys are errors, values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
