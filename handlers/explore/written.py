"""A spec for a table, as text: it runs as it is, and a comment beside each guess says why it was made and what else it could be."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handlers.contracts import counted
from handlers.explore.clock import units
from handlers.explore.files import MARKED
from handlers.explore.roles import CATEGORIES, NUMBERS, Choice, Roles, is_text
from handlers.explore.table import Column, Table
from handlers.modelspec.model import Csv

FEW_ROWS, MANY_CELLS = 300, 50_000_000  # below, a linear model; above, one that learns from batches
TEXT_HASHED = 256  # columns of the words of a text, for trees; a linear model gets many times as many
HASHED = 64  # columns of a text with many values, for trees; a linear model, which takes sparse rows, gets four times as many
RARE, RARE_ROWS = 0.1, 80  # the share below which a class is rare, and rows of which each role is sure to get some
PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
# what YAML 1.2, or a reader of YAML 1.1, takes for something else than text
WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"}
METRICS = {"binary": "roc_auc", "multiclass": "accuracy", "regression": "mae", "ranking": "ndcg@10"}
REPORTED = {
    "binary": "log_loss, average_precision",
    "multiclass": "f1_macro, log_loss",
    "regression": "rmse, r2",
    "ranking": "mean_rank, mrr",
}


def spec(name: str, table: Table, roles: Roles) -> str:
    """The text of models/<name>.yaml."""
    learner = _learner(table, roles)
    lines = [
        f"# Written by `retrain new` from {_from(table)}.",
        "# Each guess says why it was made. Change what is wrong; `retrain lint` checks it, `retrain try` runs it on files.",
        "apiVersion: retrain/v1",
        "kind: Model",
        f"metadata: {{name: {name}}}",
        "spec:",
        f"  task: {roles.task.value}{_why(roles.task)}",
        "  data:",
        "    sources:",
        "      incoming:",
        f"        prefix: incoming/{name}/",
        f"        format: {table.dialect.format}",
        *_csv(table),
        "        columns:",
        *(f"          {text(column.name)}: {column.type}{_missing(column)}" for column in table.columns if column.type is not None),
        *(f"          # {text(column.name)} is left out: {roles.left_out[column.name]}" for column in table.columns if column.type is None),
        *(f"          # {text(left)} is left out: {why}" for left, why in table.left_out.items()),
        *_data(table, roles),
        "  features:",
        *(f"    {text(column.name)}: {_feature(table, column, learner.trees)}" for column in roles.features(table)),
        *(f"    # {text(left)} is left out: {why}" for left, why in roles.left_out.items() if left not in _untyped(table)),
        f"  model: {learner.text} # {learner.why}",
        *([f"  training: {learner.training}"] if learner.training else []),
        f"  evaluate: {{select_by: {METRICS[roles.task.value]}, report: [{REPORTED[roles.task.value]}]}}",
        f"  promote: {_gate(table, roles)}",
    ]
    return "\n".join(lines) + "\n"


def _untyped(table: Table) -> set[str]:
    return {*table.left_out, *(column.name for column in table.columns if column.type is None)}


def _from(table: Table) -> str:
    files = table.files[0].name if len(table.files) == 1 else f"{len(table.files)} files ({table.files[0].name}, ...)"
    rows = counted(table.rows, "row") if table.exact else f"about {counted(table.rows, 'row')}, a sample of which was read"
    return f"{one_line(files)}: {rows}, {counted(len(table.columns) + len(table.left_out), 'column')}"


def _why(choice: Choice) -> str:
    others = f"; else {', '.join(map(one_line, choice.others))}" if choice.others else ""
    return f" # {one_line(choice.why)}{others}"


def csv_options(table: Table) -> dict[str, Any]:
    """The `csv` of the source: what differs from the default, and the texts that stand for missing values."""
    seen = {null for column in table.columns for null in column.guess.nulls}
    # an empty text is missing in numbers and times wherever it stands
    given: dict[str, Any] = {"nulls": list(dict.fromkeys(["", *sorted(seen), *([] if "NA" in seen else ["NA"])]))}
    default = Csv()
    if table.dialect.delimiter != default.delimiter:
        given["delimiter"] = table.dialect.delimiter
    if not table.dialect.header:
        given["header"] = False
    if table.dialect.encoding not in ("utf-8", *MARKED):
        given["encoding"] = table.dialect.encoding
    guesses = [column.guess for column in table.columns]
    if any(g.decimal == "," for g in guesses):
        given["decimal"] = ","
    if any(g.thousands for g in guesses):
        given["thousands"] = ","
    dates = list(dict.fromkeys(g.dates for g in guesses if g.dates))
    return {**given, "dates": dates} if dates else given


def _csv(table: Table) -> list[str]:
    if table.dialect.format != "csv":
        return []
    both = next((column.guess for column in table.columns if column.guess.other_order), None)
    note = f" # {both.dates} fits, and {both.other_order} too: check the order of day and month" if both else ""
    return [f"        csv: {flow(csv_options(table))}{note}"]


def _missing(column: Column) -> str:
    if not column.missing:
        return ""
    odd = f", {', '.join(map(quoted, column.guess.odd))} among numbers counts as missing" if column.guess.odd else ""
    return f" # missing in {column.missing:,} of {column.rows:,}{odd}"


def _data(table: Table, roles: Roles) -> list[str]:
    target = f"column: {text(roles.target.value)}"
    if roles.task.value not in NUMBERS:
        target += f", classes: {flow(roles.classes)}"
    if roles.task.value == "binary":
        target += f", positive: {flow(roles.positive)}"
    lines = []
    if roles.key and roles.clock is None and not roles.group:
        lines.append(f"    key: [{text(roles.key)}] # no value comes twice")
    if roles.group:
        lines.append(f"    group: {text(roles.group)} # its rows belong together: all of them are in one role")
    if roles.shared:
        why = "several rows share it; with this key new ones alone judge a model, and later rows of known ones are left out"
        lines.append(f"    # group: {text(roles.shared)} # {why}")
    lines.append(f"    target: {{{target}}}{_why(roles.target)}")
    return [*lines, split_line(table, roles)]


def split_line(table: Table, roles: Roles) -> str:
    found = roles.clock
    if found is not None:
        unit = f", unit: {found.unit}" if found.unit else ""
        length = "" if found.unit == "year" else "d"
        times = f"valid: {found.valid}{length}, test: {found.test}{length}"
        return f"    split: {{by: time, column: {text(found.column)}{unit}, {times}}} # {_sentence(roles.time)} ({found.told})"
    valid, test = (0.15, 0.2) if table.rows >= FEW_ROWS else (0.25, 0.25)
    shares = f"valid: {valid}, test: {test}"
    identity = roles.group or roles.key
    rare = None if roles.group else rarest(table, roles)
    stratify, why = (f"stratify: {text(roles.target.value)}, ", f"; {rare}: it must be in every role") if rare else ("", "")
    if identity:
        told = f"{_sentence(roles.time)}; a row keeps its role for ever{why}"
        return f"    split: {{by: hash, key: [{text(identity)}], {stratify}{shares}}} # {told}"
    return f"    split: {{by: random, seed: 0, {stratify}{shares}}} # {_sentence(roles.time)}, and none names rows{why}"


def rarest(table: Table, roles: Roles) -> str:
    """ "true is 3.0% of the rows" of a class that is rare and has enough rows for each role to get some; "" where there is none."""
    column = table.column(roles.target.value)
    if roles.task.value == "regression" or column.type not in ("string", "int", "boolean") or not column.counts:
        return ""
    value, rows = min(column.counts.items(), key=lambda item: (item[1], str(item[0])))
    share = rows / column.rows
    return one_line(f"{value} is {share:.1%} of the rows") if share < RARE and rows >= RARE_ROWS else ""


def _sentence(choice: Choice) -> str:
    others = f"; else {', '.join(map(one_line, choice.others))}" if choice.others else ""
    return one_line(choice.why) + others


def _feature(table: Table, column: Column, trees: bool) -> str:
    if column.type in ("timestamp", "date"):
        return f"{{type: timestamp, units: {flow(units(table, column))}{', cyclic: false' if trees else ''}}}"
    if column.type == "string" and is_text(column):
        return f"{{type: text, hash: {TEXT_HASHED if trees else 64 * TEXT_HASHED}}} # {column.words:.0f} words on average: each is hashed"
    if column.type == "string":
        few = column.distinct <= CATEGORIES
        return "{type: category, default: other}" if few else f"{{type: category, hash: {HASHED if trees else 4 * HASHED}}}"
    if column.type == "boolean":
        return "{type: boolean}"
    if column.type == "vector":
        return f"{{type: vector, size: {column.size}}} # each list has {column.size} numbers"
    if trees:
        return "{type: number, missing: keep}" if column.missing else "{type: number}"
    return "{type: number, scale: standard}"


@dataclass(frozen=True, slots=True)
class Learner:
    """An estimator as the spec writes it, why, and whether it is made of trees."""

    text: str
    why: str
    training: str = ""
    trees: bool = False


def _learner(table: Table, roles: Roles) -> Learner:
    """Linear for few rows, trees while everything fits into memory, else a linear model that learns from batches."""
    numbers = roles.task.value in NUMBERS
    if table.rows < FEW_ROWS:
        linear = "Ridge" if numbers else "LogisticRegression, params: {max_iter: 1000}"
        return Learner(f"{{estimator: sklearn.linear_model.{linear}, memory: whole}}", "a linear model: there are few rows")
    if table.rows * sum(map(_width, roles.features(table))) <= MANY_CELLS:
        kind = "Regressor" if numbers else "Classifier"
        estimator = f"{{estimator: sklearn.ensemble.HistGradientBoosting{kind}, memory: whole}}"
        return Learner(estimator, "trees take numbers of any scale, and missing values", trees=True)
    linear = "SGDRegressor, params: {average: true}" if numbers else "SGDClassifier, params: {loss: log_loss, average: true}"
    why = "learns from batches: the rows need not fit into memory"
    return Learner(f"{{estimator: sklearn.linear_model.{linear}}}", why, "{epochs: 5, early_stopping: {patience: 2}}")


def _width(column: Column) -> int:
    """How many columns a feature becomes for trees."""
    if column.type in ("timestamp", "date"):
        return 3
    if column.type == "vector":
        return column.size
    if column.type != "string":
        return 1
    if is_text(column):
        return TEXT_HASHED
    return column.distinct + 1 if column.distinct <= CATEGORIES else HASHED


def _gate(table: Table, roles: Roles) -> str:
    """What a model must reach: more than what a guess without any feature gives."""
    metric = METRICS[roles.task.value]
    if roles.task.value == "binary":
        return _asks(f"metric: {metric}, at_least: 0.6", "0.5 is what guessing gives")
    if roles.task.value == "ranking":
        lists = Counter(table.values(roles.group)).values()
        at_most = plain_number(sum((rows + 1) / 2 for rows in lists) / len(lists))
        return _asks(f"metric: mean_rank, at_most: {at_most}", "what lists in no order give")
    values = [value for value in table.values(roles.target.value) if value is not None]
    if roles.task.value == "multiclass":
        share = Counter(values).most_common(1)[0][1] / len(values)
        at_least = min(0.99, round(share + 0.005, 2))
        return _asks(f"metric: {metric}, at_least: {at_least:g}", f"the most frequent class is {share:.1%} of the rows")
    column = table.column(roles.target.value)
    numbers = sorted(column.number(value) for value in values)
    median = numbers[len(numbers) // 2]
    error = plain_number(sum(abs(value - median) for value in numbers) / len(numbers))
    return _asks(f"metric: {metric}, at_most: {error}", f"what the median, {plain_number(median)}, gives for every row")


def _asks(gate: str, why: str) -> str:
    return f"{{gate: {{{gate}}}}} # {why}"


def plain_number(value: float) -> str:
    """Three figures, as YAML writes a number."""
    short = float(f"{value:.3g}")
    return f"{short:.0f}" if short == int(short) and abs(short) < 1e15 else repr(short)


# ------------------------------------------------------------------------------------------ YAML


def text(value: str) -> str:
    """A text as YAML: in quotes where it would be something else without."""
    return value if PLAIN.fullmatch(value) and value.lower() not in WORDS else quoted(value)


def quoted(value: str) -> str:
    """In double quotes; what does not print is escaped, as YAML has it and JSON has not."""
    return '"' + "".join(_escaped(letter) for letter in value) + '"'


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    code = ord(letter)
    return letter if letter.isprintable() else f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def flow(value: Any) -> str:
    """A value as YAML on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(flow(one) for one in value) + "]"
    return text(value) if isinstance(value, str) else json.dumps(value)


def one_line(told: str) -> str:
    """A comment's text: what does not print would end the comment."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in told)
