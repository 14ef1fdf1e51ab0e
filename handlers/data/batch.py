"""A batch of encoded rows, and where in the data it is. Nothing else is imported here: what a model is fed with travels with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handlers.data.coded import Coded


@dataclass(frozen=True, slots=True)
class Position:
    """After a batch: the epoch, the group of parts (from 0), and how many rows of the group have been given out."""

    epoch: int
    group: int
    offset: int


@dataclass(slots=True)
class Batch:
    """`X` (rows, width) csr_matrix or ndarray, `y` (rows,), `weight` (rows,) or None.

    `cluster` (rows,) numbers what intervals resample, None unless rows are to be judged. `columns` holds the values of the columns that
    were asked for besides.
    """

    X: Any
    y: Any
    weight: Any
    cluster: Any
    position: Position
    columns: dict[str, Coded]
