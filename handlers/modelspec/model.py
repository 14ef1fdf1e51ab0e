"""The whole schema of a model spec, `retrain/v1`. Keys that are not implemented yet are refused in `supported`."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, field_validator, model_validator

from handlers.modelspec.dialects import check_encoding, check_formats, listed
from handlers.modelspec.image_names import check_image
from handlers.modelspec.mapping import Number, Scalar, SpecMapping
from handlers.modelspec.quantities import check_length, check_often
from handlers.modelspec.resources import Resources
from handlers.modelspec.search_keys import Search
from handlers.modelspec.threshold import Threshold
from handlers.modelspec.trigger import Duration, Trigger, Zone

Length = Annotated[str | int, AfterValidator(check_length)]
Image = Annotated[str, AfterValidator(check_image)]
Share = Annotated[float, Field(gt=0, lt=1)]
ColumnType = Literal["string", "int", "float", "boolean", "timestamp", "date", "vector"]
Unit = Literal["minute", "hour", "weekday", "day", "month", "year", "dayofyear", "epoch"]
Told = Literal["promoted", "refused", "failed", "data-refused", "lost-trials"]
Statement = Annotated[str, Field(min_length=1, max_length=2000)]
Percent = Annotated[str, Field(pattern=r"^\d+(\.\d+)?%$")]


class Csv(SpecMapping):
    nulls: list[str] = Field(default=["", "NA"])
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    header: bool = True
    encoding: Annotated[str, AfterValidator(check_encoding)] = "utf-8"
    decimal: str = Field(default=".", pattern=r"^[.,]$")
    thousands: str | None = Field(default=None, pattern=r"^[., '_]$")
    dates: Annotated[list[str], BeforeValidator(listed), AfterValidator(check_formats)] = Field(default=[])

    @model_validator(mode="after")
    def _apart(self) -> Csv:
        if self.decimal == self.thousands:
            raise ValueError(f"thousands: {self.thousands!r} is also csv.decimal, which is . unless it is given")
        if self.delimiter in '"\r\n' or not self.delimiter.isascii():
            raise ValueError(f"delimiter: {self.delimiter!r} is not accepted; accepted: one ASCII character, no quote and no line end")
        return self


class Source(SpecMapping):
    prefix: str = Field(min_length=1, pattern=r"^[^/].*/$")
    format: Literal["csv", "parquet", "jsonl"]
    csv: Csv = Csv()
    columns: dict[str, ColumnType] = Field(default={})
    join: Literal["broadcast"] | None = None

    @model_validator(mode="after")
    def _declared(self) -> Source:
        if self.format == "csv" and "vector" in self.columns.values():
            raise ValueError("columns: a CSV file has no vectors; give them as Parquet or JSON Lines, or a column for each number")
        if self.format != "csv" and self.csv != Csv():
            raise ValueError(f"csv: accepted with format: csv, not with {self.format}")
        if self.format != "parquet" and not self.columns:
            raise ValueError(f"columns: required for a {self.format} source: list its columns and their types, which are never guessed")
        return self


class Lookback(SpecMapping):
    lookback: Duration


class Query(SpecMapping):
    sql: str | None = None
    file: str | None = Field(default=None, pattern=r"^[a-z0-9][-a-z0-9_]*\.sql$")
    scope: Literal["row", "all"] | Lookback = "row"

    @model_validator(mode="after")
    def _one_statement(self) -> Query:
        if bool(self.sql) == bool(self.file):
            raise ValueError("give either sql or file, not both")
        return self


class Target(SpecMapping):
    column: str
    classes: list[Scalar] | None = Field(default=None, min_length=2)
    positive: Scalar | None = None
    clip: tuple[Number, Number] | None = Field(default=None, strict=False)
    label_delay: Duration | None = None


class TimeSplit(SpecMapping):
    """`gap`, `valid` and `test` are durations of whole days; numbers of years or steps where `unit` says so."""

    by: Literal["time"]
    column: str
    unit: Literal["year", "step", "epoch_s", "epoch_ms"] | None = None
    timezone: Zone = "UTC"
    part: Literal["day", "week", "month", "auto"] = "auto"
    gap: Length = "0d"
    valid: Length
    test: Length

    @model_validator(mode="before")
    @classmethod
    def _no_gap(cls, given: Any) -> Any:
        """Without a gap it is 0 of whatever the lengths are."""
        counted = isinstance(given, dict) and given.get("unit") in ("year", "step")
        return {"gap": 0, **given} if counted else given

    @property
    def counted(self) -> bool:
        """Whether time is a number that no clock shows: a year or a step."""
        return self.unit in ("year", "step")


class HashSplit(SpecMapping):
    """Rows by the hash of `key`: rows with one key have one role for ever."""

    by: Literal["hash"]
    key: list[str] = Field(min_length=1)
    stratify: str | None = None
    valid: Share
    test: Share


class RandomSplit(SpecMapping):
    """Rows by the hash of `seed` and what identifies them: data.group, else data.key, else all their values."""

    by: Literal["random"]
    seed: int = Field(default=0, ge=0, lt=1 << 32)
    stratify: str | None = None
    valid: Share
    test: Share


class Data(SpecMapping):
    sources: dict[str, Source] = Field(min_length=1)
    query: Query | None = None
    key: list[str] = Field(default=[])
    on_duplicate: Literal["error", "last"] = "error"
    group: str | None = None
    target: Target
    split: Annotated[TimeSplit | HashSplit | RandomSplit, Field(discriminator="by")]
    weight: str | None = None

    @property
    def trigger(self) -> str:
        """The name of the source whose objects start a run: `incoming`, or the only one that is not a reference table."""
        return "incoming" if "incoming" in self.sources else next(name for name, source in self.sources.items() if not source.join)

    @model_validator(mode="after")
    def _one_triggers(self) -> Data:
        if "incoming" not in self.sources and sum(not source.join for source in self.sources.values()) != 1:
            raise ValueError(f"sources: name one of {', '.join(self.sources)} `incoming`: the source whose objects start a run")
        return self


class ColumnCheck(SpecMapping):
    type: ColumnType | None = None
    min: Number | str | None = None
    max: Number | str | None = None
    allowed: list[Scalar] | None = None
    max_missing: float | None = Field(default=None, ge=0, le=1)
    unique: bool = False


class RowsCheck(SpecMapping):
    min: int = Field(ge=1)


OPTIONS = {
    "number": {"missing", "scale", "clip"},
    "category": {"default", "min_count", "hash"},
    "boolean": {"missing"},
    "timestamp": {"units", "cyclic", "timezone", "scale"},
    "vector": {"size"},
    "text": {"ngrams", "analyzer", "lowercase", "hash"},
}


class Feature(SpecMapping):
    type: Literal["number", "category", "boolean", "timestamp", "vector", "text"]
    missing: Literal["mean", "median", "keep"] | bool | Number | None = None
    scale: Literal["standard", "none"] = "none"
    clip: tuple[Number, Number] | None = Field(default=None, strict=False)
    default: str | None = None
    min_count: int | None = Field(default=None, ge=1)
    hash: int | None = Field(default=None, ge=2, le=1 << 22)
    size: int | None = Field(default=None, ge=1, le=1 << 16)
    units: list[Unit] | None = Field(default=None, min_length=1)
    cyclic: bool | None = None
    timezone: Zone | None = None
    ngrams: tuple[int, int] | None = Field(default=None, strict=False)
    analyzer: Literal["word", "char"] | None = None
    lowercase: bool | None = None
    serve: bool = True

    @model_validator(mode="after")
    def _options_of_type(self) -> Feature:
        allowed = OPTIONS[self.type] | {"type", "serve"}
        foreign = sorted(name for name in self.model_fields_set - allowed if getattr(self, name) != type(self).model_fields[name].default)
        if foreign:
            raise ValueError(f"{foreign[0]}: not an option of type {self.type}; accepted: {', '.join(sorted(allowed - {'type'}))}")
        return self


class Model(SpecMapping):
    estimator: str = Field(pattern=r"^([A-Za-z_][\w.]*|models/[\w-]+\.py:[A-Za-z_]\w*)$")
    params: dict[str, Any] = Field(default={})
    seed: int = Field(default=0, ge=0, lt=1 << 32)
    image: Image | None = None
    memory: Literal["stream", "whole"] = "stream"


class Shuffle(SpecMapping):
    parts: int = Field(ge=1)


class Validate(SpecMapping):
    """Validations within an epoch, for those who look on: nothing that is learned hangs on them."""

    every: Annotated[str, AfterValidator(check_often)]
    rows: int | None = Field(default=None, ge=1)


class Checkpoint(SpecMapping):
    every: Duration


class EarlyStopping(SpecMapping):
    patience: int = Field(ge=1)
    min_delta: float = Field(default=0.0, ge=0, strict=False)


class Training(SpecMapping):
    epochs: int = Field(default=1, ge=1)
    batch_rows: int = Field(default=4096, ge=1, le=1 << 20)
    shuffle: Shuffle = Shuffle(parts=1)
    validate_: Validate | None = Field(default=None, alias="validate")
    checkpoint: Checkpoint = Checkpoint(every="1m")
    early_stopping: EarlyStopping | None = None


class Interval(SpecMapping):
    cluster: str | None = None


class Slice(SpecMapping):
    min_rows: int = Field(ge=1)


class Evaluate(SpecMapping):
    select_by: str
    report: list[str] = Field(default=[])
    threshold: Threshold | None = None
    interval: Interval = Interval()
    slices: dict[str, Slice] = Field(default={})
    baseline: Literal["majority", "median", "last_value"] | None = None


class Gate(SpecMapping):
    metric: str
    at_least: Number | None = None
    at_most: Number | None = None
    improve_by: Annotated[Number, Field(ge=0)] | Percent = 0
    confidence: float = Field(default=0.9, gt=0, lt=1)
    all_trials: bool = False


class SliceGate(SpecMapping):
    max_loss: float = Field(ge=0, strict=False)
    confidence: float = Field(default=0.9, gt=0, lt=1)


class Promote(SpecMapping):
    gate: Gate | None = None
    slices: SliceGate | None = None
    refit: Literal["all"] | None = None
    approval: Literal["manual"] | None = None


class Card(SpecMapping):
    """What people should know of the model; the report shows it, and it changes no result."""

    intended_use: Statement | None = None
    out_of_scope: Statement | None = None
    limitations: Statement | None = None
    owner: Statement | None = None


class Notify(SpecMapping):
    """Who is told of what: `to` names a receiver, whose address and key no spec holds."""

    to: str = Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$")
    format: Literal["cloudevents", "slack"] = "cloudevents"
    on: list[Told] = Field(default=["promoted", "refused", "failed", "data-refused", "lost-trials"], min_length=1)


def _twice(classes: list[Scalar]) -> bool:
    """Whether two of them are the same number or the same text, so that no row can tell them apart."""
    texts = [str(each).lower() if isinstance(each, bool) else str(each) for each in classes]
    numbers = [each for each in classes if not isinstance(each, str)]
    return len(set(texts)) < len(texts) or len(set(numbers)) < len(numbers)


class ModelSpec(SpecMapping):
    """A model. `name` is metadata.name; `sql` is the text of data.query, from the spec or from a file; `code` that of the file that makes
    the model."""

    name: str
    sql: str | None = None
    code: str | None = None
    task: Literal["binary", "multiclass", "regression", "ranking"]
    card: Card = Card()
    data: Data
    checks: dict[str, ColumnCheck | RowsCheck] = Field(default={})
    features: dict[str, Feature] = Field(default={})
    model: Model
    search: Search = Search()
    training: Training = Training()
    evaluate: Evaluate
    promote: Promote = Promote()
    trigger: Trigger = Trigger()
    notify: list[Notify] = Field(default=[])
    resources: dict[Literal["fetch", "transform", "grid", "train", "evaluate", "promote"], Resources] = Field(default={})

    def tree(self) -> dict[str, Any]:
        """The spec as JSON values, every default written out: what travels between the steps and enters digests."""
        return self.model_dump(mode="json", by_alias=True)

    def text(self) -> str:
        """The tree as JSON in the spec's own order, which says which column of a file without a header is which."""
        return json.dumps(self.tree(), ensure_ascii=False, separators=(",", ":"), allow_nan=False)

    @field_validator("checks", mode="before")
    @classmethod
    def _rows_is_not_a_column(cls, given: Any) -> Any:
        """`rows` is the one check that is not of a column; by its keys alone it could be either."""
        if not isinstance(given, dict) or not isinstance(given.get("rows"), dict):
            return given
        try:
            return {**given, "rows": RowsCheck.model_validate(given["rows"])}
        except ValidationError:
            raise ValueError(f"rows: {given['rows']} is not accepted; accepted: {{min: <a number from 1>}}") from None

    @model_validator(mode="after")
    def _consistent(self) -> ModelSpec:
        target = self.data.target
        if target.classes is not None and _twice(target.classes):
            raise ValueError(f"data.target.classes: a class occurs twice in {target.classes}")
        if self.task != "binary" and target.positive is not None:
            raise ValueError("data.target.positive: accepted only for a binary target")
        if self.task == "binary" and target.classes is not None:
            if len(target.classes) != 2:
                raise ValueError(f"data.target.classes: a binary target has two classes, not {len(target.classes)}")
            if target.positive is not None and target.positive not in target.classes:
                raise ValueError(f"data.target.positive: {target.positive!r} is not one of the classes {target.classes}")
        if self.task == "multiclass" and target.classes is None:
            raise ValueError("data.target.classes: required for a multiclass target; list its values")
        if self.task == "binary" and target.classes is None and target.positive not in (None, True, False):
            raise ValueError("data.target.classes: required with `positive`; list the two values")
        if self.task in ("regression", "ranking") and target.classes is not None:
            raise ValueError(f"data.target.classes: not accepted for a {self.task} target")
        if self.task != "regression" and target.clip is not None:
            raise ValueError("data.target.clip: accepted only for a regression target")
        if self.data.target.column in self.features:
            raise ValueError(f"features.{target.column}: the target cannot be a feature")
        receivers = [each.to for each in self.notify]
        if len(set(receivers)) < len(receivers):
            raise ValueError(f"notify: a receiver occurs twice in {', '.join(receivers)}; list all that it is told under `on`")
        return self
