"""Whether the rows that are learned from at once fit into memory, checked before a training starts and could be killed."""

from __future__ import annotations

from handlers.contracts import BadSpec
from handlers.data.encode import Encoder
from handlers.data.manifest import Dataset
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.quantities import amount

# the interpreter with its libraries, and how many copies of the rows a fit holds (the batches, their union, the estimator's own)
FLOOR = 200 * 2**20
COPIES = 3


def needed(rows: int, width: int, stored: int) -> int:
    """Bytes to fit `rows` rows at once. `stored`: numbers kept per row, `width` of a dense one, fewer of a sparse one."""
    per_row = 8 * width if stored >= width else 12 * stored + 8
    return FLOOR + COPIES * rows * per_row


def enough_memory(dataset: Dataset, spec: ModelSpec, encoder: Encoder, *, dense: bool) -> None:
    """BadSpec naming what is needed and what is declared when resources.train.memory is too little; without it nothing is checked.

    With `memory: whole` all rows of train have to fit, otherwise those of one batch, which is large only where the rows are dense.
    """
    stage = spec.resources.get("train") if spec.resources else None
    most = stage.most_memory if stage is not None else None
    if most is None:
        return
    whole = spec.model.memory == "whole"
    if not whole and not dense:
        return
    rows = sum(part.rows for part in dataset.parts if part.role == "train")
    rows = rows if whole else min(rows, spec.training.batch_rows)
    required = needed(rows, encoder.width, encoder.width if dense else encoder.stored)
    if required > amount(most):
        what, instead = (
            ("`memory: whole`", "use an estimator that learns from batches") if whole else ("a batch", "make training.batch_rows less")
        )
        raise BadSpec(
            f"resources.train.memory: {most} is too little for {what}: {rows:,} rows of {encoder.width:,} columns need about "
            f"{required / 2**20:,.0f}Mi; raise it, or {instead}",
        )
