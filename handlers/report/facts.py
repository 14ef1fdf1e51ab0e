"""What the page of a run is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Doc = Mapping[str, Any]
Row = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it is read from the bucket but `status` and `failures`, which the engine passes.

    `trials`: {"trial", "params", "value", "valid": {metric: interval}, "epochs", "rows", "seconds", "curve": lines}, the best first.
    `roc`: points by the model's name; `pictures`: what else is drawn of its predictions. `importance` is the document of the winner's
    export. `columns`: {"profile", "index"}: a column of the train rows, and how far it lies from the champion's. `history`: the champions'
    records, the first one first. `about` is what the spec says of the model's use, `card` what it is; `chain` leads from the event to the
    champion; `made` are code and versions, `again` the commands that make it again.
    """

    model: str
    run: str
    status: str
    outcome: str
    reason: str
    verdict: Doc = field(default_factory=dict)
    trials: Sequence[Doc] = ()
    higher: bool = True
    roc: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    pictures: Mapping[str, Doc] = field(default_factory=dict)
    importance: Doc | None = None
    about: Sequence[Row] = ()
    card: Sequence[Row] = ()
    columns: Sequence[Doc] = ()
    columns_against: str = ""
    history: Sequence[Doc] = ()
    chain: Sequence[Row] = ()
    data: Sequence[Row] = ()
    decides: Sequence[Row] = ()
    failures: Sequence[Doc] = ()
    made: Sequence[Row] = ()
    again: Sequence[Row] = ()
    spec: str = ""
    select_by: str = ""
    champion_trial: str = ""
    at: str = ""
