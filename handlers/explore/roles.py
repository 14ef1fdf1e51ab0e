"""What each column is for: target, key, time, features; and the task. Pure guesses, each with its reason."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from handlers.contracts import BadData, WrongUsage, counted
from handlers.explore.clock import Clock, candidates, clock, units
from handlers.explore.names import nearest
from handlers.explore.table import DISTINCT, Column, Table

LEAST_ROWS = 50  # below it a split by chance leaves a role with too few
MOST_CLASSES = 50
CATEGORIES = 30  # values of a text that get a column each; more are hashed
WORDS = 4  # of a text on average, from which on its words say more than the whole
TEXT = 0.5  # the share of rows with values of their own from which a text is no category
EMPTY = 0.95  # the share of missing values from which a column is left out
# fmt: off
TARGET = (  # names that a target mostly has, the likeliest first
    "target", "label", "labels", "class", "classes", "y", "outcome", "response", "result", "survived", "churn", "churned", "default",
    "defaulted", "fraud", "is_fraud", "diagnosis", "species", "price", "saleprice", "sale_price", "mpg", "quality", "income", "click",
    "clicked", "converted", "conversion", "medv", "charges", "revenue", "sales", "demand", "load", "consumption", "cnt", "yield",
    "delay", "late", "returned", "cancelled", "canceled", "approved", "deposit", "attrition", "exited", "rating", "score",
)
# fmt: on
NUMBERS = ("regression", "ranking")  # tasks whose target has no classes
CLASS_NAMES = {"target", "label", "labels", "class", "classes", "species", "outcome", "diagnosis"}
POSITIVE = ("true", "1", "yes", "y", "positive", "pos", "malignant", "m", "churned", "fraud", "bad", "default", ">50k")
NEGATIVE = ("false", "0", "no", "n", "negative", "neg", "benign", "b", "good", "<=50k")
IDENTITY = re.compile(
    r"(^|_|\b)(id|uuid|guid|key|index|idx|rownames|passengerid|serial|no|nr|number)$|Id$|ID$|^Unnamed: \d+$|^__index_level_\d+__$",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Choice:
    """A guess, why it was made, and what else it could be."""

    value: str
    why: str
    others: tuple[str, ...] = ()
    given: bool = False


@dataclass
class Roles:
    """What each column is for."""

    target: Choice
    task: Choice
    time: Choice
    clock: Clock | None
    key: str = ""
    group: str = ""
    shared: str = ""  # a column that would be the group, where a clock splits
    classes: list[Any] = field(default_factory=list)
    positive: Any = None
    left_out: dict[str, str] = field(default_factory=dict)

    def features(self, table: Table) -> list[Column]:
        used = {self.target.value, self.key, self.group}
        return [c for c in table.columns if c.name not in used and c.name not in self.left_out]


def roles(table: Table, today: date, target: str = "", task: str = "", time: str = "", group: str = "") -> Roles:
    """Guess what was not given. Raises WrongUsage for a column that is not there or cannot be what it is given as, and where no target
    can be guessed, or of lists no group; BadData for too few rows."""
    if table.rows < LEAST_ROWS:
        raise BadData(f"{counted(table.rows, 'row')} in {_files(table)}: too few to learn from; {LEAST_ROWS} are needed")
    for option, name in (("--target", target), ("--time", time), ("--group", group)):
        if name and name not in (c.name for c in table.columns) and not (option == "--time" and name == "none"):
            raise WrongUsage(f"{option} {name}: {absent(name, [c.name for c in table.columns])}")
    chosen = _target(table, target)
    column = table.column(chosen.value)
    kind = _task(column, task)
    classes = kind.value not in NUMBERS
    when, clocked = _time(table, time, column if classes else None, today)
    found = Roles(chosen, kind, when, clocked, group=group)
    if classes:
        found.classes, found.positive = _classes(column, kind.value)
    _identities(table, found)
    if kind.value == "ranking" and not found.group:
        found.group, found.shared = found.shared, ""
        if not found.group:
            raise WrongUsage("--task ranking: no column says which rows are one list; name the one that does with --group")
    for name, reason in _unusable(table, found):
        found.left_out[name] = reason
    if not found.features(table):
        raise BadData(f"{_files(table)}: no column is left to learn {chosen.value!r} from; --target names another target")
    return found


def absent(name: str, there: Sequence[str]) -> str:
    """That there is no such column, and which was meant."""
    meant = nearest(name, there)
    return "there is no such column; " + (f"did you mean {meant!r}?" if meant else f"the columns are {', '.join(there)}")


def _files(table: Table) -> str:
    return ", ".join(path.name for path in table.files)


# ------------------------------------------------------------------------------------------ target and task


def _target(table: Table, given: str) -> Choice:
    fit = [column for column in table.columns if _can_be_target(column)]
    if given:
        column = table.column(given)
        if not _can_be_target(column):
            raise WrongUsage(f"--target {given}: {_no_target(column)}")
        return Choice(given, "given by --target", given=True)
    named = sorted((c for c in fit if _bare(c.name) in TARGET), key=lambda c: TARGET.index(_bare(c.name)))
    others = [column.name for column in [*named, *reversed(fit)]]
    if named:
        return Choice(named[0].name, "its name says so", _but(others, named[0].name))
    last = table.columns[-1]
    if last in fit:
        return Choice(last.name, "it is the last column, where tables mostly have it", _but(others, last.name))
    some = ", ".join(dict.fromkeys(reversed(others))) or "none of them can be one"
    raise WrongUsage(f"no column says that it is the target; name one with --target: {some}")


def _but(names: Sequence[str], one: str) -> tuple[str, ...]:
    return tuple(name for name in dict.fromkeys(names) if name != one)[:5]


def _bare(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _can_be_target(column: Column) -> bool:
    return not _no_target(column)


def _no_target(column: Column) -> str:
    """Why a column cannot be the target; "" where it can."""
    if column.type not in ("int", "float", "boolean", "string"):
        return f"its type is {column.type or 'none that a model can use'}; a target is a number, a boolean or a text"
    if column.distinct < 2:
        return "it has fewer than two values"
    if column.missing > column.rows / 2:
        return f"it is missing in {column.missing:,} of {column.rows:,} rows"
    if column.type == "string" and column.distinct > MOST_CLASSES:
        return f"it is a text with more than {MOST_CLASSES} values"
    if column.type in ("int", "string") and column.unique and IDENTITY.search(column.name):
        return "it names rows: no value comes twice"
    return ""


def _task(column: Column, given: str) -> Choice:
    values = counted(column.distinct, "value") if column.distinct <= DISTINCT else f"more than {DISTINCT:,} values"
    number = column.type in ("int", "float")
    if given == "regression" and not number:
        raise WrongUsage(f"--task regression: {column.name!r} is {column.type}; a number is needed")
    if given == "binary" and column.distinct != 2:
        raise WrongUsage(f"--task binary: {column.name!r} has {values}; two are needed")
    if given == "multiclass" and (column.distinct > MOST_CLASSES or column.distinct < 2 or column.type == "boolean"):
        raise WrongUsage(f"--task multiclass: {column.name!r} is {column.type} with {values}; up to {MOST_CLASSES} classes are supported")
    if given == "ranking" and not (number or column.type == "boolean"):
        raise WrongUsage(f"--task ranking: {column.name!r} is {column.type}; a relevance is a number from 0, or true and false")
    if given:
        return Choice(given, "given by --task", given=True)
    if column.distinct == 2:
        return Choice("binary", f"{column.name} has two values")
    if column.type == "string":
        return Choice("multiclass", f"{column.name} is a text with {values}")
    if column.type == "int" and column.distinct <= 10 and _bare(column.name) in CLASS_NAMES:
        return Choice("multiclass", f"{column.name} has {values} and the name of a class", ("regression",))
    others = ("multiclass",) if column.distinct <= MOST_CLASSES else ()
    return Choice("regression", f"{column.name} is a number with {values}", others)


def _classes(column: Column, task: str) -> tuple[list[Any], Any]:
    """The classes as the spec writes them, and of two the positive one."""
    counts: Counter[Any] = column.counts or Counter()
    ordered = sorted(counts, key=lambda value: (str(value).strip().lower(), str(value)))
    values = [class_value(value, column) for value in ordered]
    if column.type == "boolean":
        return [False, True], True
    if task == "multiclass":
        return (sorted(values) if column.type == "int" else values), None
    words = [str(value).strip().lower() for value in ordered]
    positive = next((i for i, word in enumerate(words) if word in POSITIVE and words[1 - i] not in POSITIVE), None)
    if positive is None:
        positive = next((1 - i for i, word in enumerate(words) if word in NEGATIVE), None)
    if positive is None:
        positive = min((0, 1), key=lambda i: counts[ordered[i]])
    return [values[1 - positive], values[positive]], values[positive]


def class_value(value: Any, column: Column) -> Any:
    """A value of the target as the spec writes it."""
    if not isinstance(value, str):
        return value
    if column.type == "boolean":
        return value.strip().lower() == "true"
    return column.number(value) if column.type in ("int", "float") else value


# ------------------------------------------------------------------------------------------ time, key, group, features


def _time(table: Table, given: str, target: Column | None, today: date) -> tuple[Choice, Clock | None]:
    if given == "none":
        return Choice("none", "given by --time", given=True), None
    if given:
        found = clock(table, table.column(given), target, today)
        if isinstance(found, str):
            raise WrongUsage(f"--time {given}: {found}; --time none splits without a time")
        return Choice(given, "given by --time", given=True), found
    maybe = candidates(table)
    why = "no column says when a row happened"
    for column in maybe:
        found = clock(table, column, target, today)
        if isinstance(found, Clock):
            others = (*(c.name for c in maybe if c is not column), "none")
            return Choice(column.name, "it says when a row happened", others), found
        why = found
    return Choice("none", why, tuple(c.name for c in maybe)), None


def _identities(table: Table, found: Roles) -> None:
    """A column that names rows is their key; one that names what several rows belong to keeps them together. Where a clock splits that is
    only proposed: it is right for new ones alone, and costs the rows of those that are known.
    """
    for column in table.columns:
        if column.name in (found.target.value, found.time.value, found.group) or not IDENTITY.search(column.name):
            continue
        if column.type not in ("int", "string") or column.missing:
            continue
        if column.unique and not found.key:
            found.key = column.name
        elif not column.unique and not (found.group or found.shared) and _many(table, column):
            if found.clock is None:
                found.group = column.name
            else:
                found.shared = column.name


def _many(table: Table, column: Column) -> bool:
    """Whether there are so many values that each role gets some, with a few rows each."""
    distinct = len(set(table.values(column.name)))
    return distinct >= LEAST_ROWS and distinct < len(table.sample) / 1.2


def _unusable(table: Table, found: Roles) -> list[tuple[str, str]]:
    left = [(name, reason) for name, reason in table.left_out.items()]
    for column in table.columns:
        if column.name in (found.target.value, found.key, found.group):
            continue
        reason = _no_feature(column)
        if not reason and not is_text(column) and _names_rows(table, column):
            reason = "a text of its own in every row, or nearly"
        if not reason and column.type in ("timestamp", "date") and not units(table, column):
            reason = "no hour, weekday or month of it comes again"
        if reason:
            left.append((column.name, reason))
    return left


def _no_feature(column: Column) -> str:
    if column.type is None:
        return "its values are of different types, or lists of different lengths or of something else than numbers"
    if column.missing > EMPTY * column.rows:
        return f"missing in {column.missing:,} of {column.rows:,} rows"
    if column.distinct < 2:
        return "one value in every row"
    if column.unique and column.type == "int" and IDENTITY.search(column.name):
        return "it names rows"
    return ""


def is_text(column: Column) -> bool:
    """Whether a column is made of sentences, which are learned by their words."""
    return column.type == "string" and column.distinct > CATEGORIES and column.words >= WORDS


def _names_rows(table: Table, column: Column) -> bool:
    if column.type != "string" or column.distinct <= CATEGORIES:
        return False
    return column.unique or len(set(table.values(column.name))) > TEXT * len(table.sample)
