"""The columns of some files of one kind, summed up for guesses about them, with rows taken evenly from all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from handlers.contracts import BadData, WrongUsage
from handlers.explore.files import BYTES, Dialect, Found, found
from handlers.explore.shapes import Guess, Shapes, guess

DISTINCT = 1000  # values of a column that are counted one by one
UNIQUE_ROWS = 300_000  # rows in which a value that comes twice is looked for
SAMPLE = 10_000


@dataclass
class Column:
    """A column: its type, how many rows have which value (while they are few), and whether no value came twice."""

    name: str
    shapes: Shapes
    counts: Counter[Any] | None = field(default_factory=Counter)
    unique: bool = True
    kind: str | None = None  # of Parquet, where no type is guessed
    guess: Guess = field(default_factory=lambda: Guess(None))
    _seen: set[int] = field(default_factory=set)
    _words: int = 0
    _looked: int = 0
    _sizes: set[int] = field(default_factory=set)

    def add(self, values: Sequence[Any]) -> None:
        try:
            counted = Counter(values)
        except TypeError:  # lists and objects
            missing = sum(value is None for value in values)
            if missing:
                self.shapes.nulls[""] = self.shapes.nulls.get("", 0) + missing
            self.shapes.of[0] = self.shapes.of.get(0, 0) + len(values) - missing
            self.shapes.texts.setdefault(0, set())
            self.counts, self.unique = None, False
            self._sizes |= {_size(value) for value in values if value is not None}
            return
        for value, rows in counted.items():
            self.shapes.add(value, rows)
            if isinstance(value, str) and self._looked < SAMPLE:
                self._words += len(value.split())
                self._looked += 1
        if self.counts is not None:
            self.counts.update(counted)
            if len(self.counts) > DISTINCT:
                self.counts = None
        if self.unique and len(self._seen) < UNIQUE_ROWS:
            hashes = {hash(value) for value in counted}
            self.unique = len(hashes) == len(values) and self._seen.isdisjoint(hashes)
            self._seen |= hashes
            if not self.unique:
                self._seen = set()

    def end(self) -> None:
        """Guess the type, and take the texts that stand for a missing value out of the counts."""
        self._seen = set()
        found = guess(self.shapes)
        self.guess = found if self.kind is None else Guess(self.kind, found.nulls)
        if self.kind in (None, "vector") and self._sizes:
            # beside a value that is no list the shapes are more than one
            self.guess = Guess("vector" if self.size and set(self.shapes.of) == {0} else None)
        if self.counts is not None:
            for value in [value for value in self.counts if self.is_missing(value)]:
                del self.counts[value]
            self.counts = self._by_value(self.counts)

    def _by_value(self, counts: Counter[Any]) -> Counter[Any]:
        """The rows of each value under its shortest text: 1, 1.0 and 01e0 are one number, true and True one boolean."""
        if self.type not in ("int", "float", "boolean") or self.kind is not None:
            return counts
        shortest: dict[Any, Any] = {}
        merged = Counter[Any]()
        for text in sorted(counts, key=lambda value: (len(str(value)), str(value))):
            meant = text.strip().lower() if self.type == "boolean" and isinstance(text, str) else self.number(text)
            merged[shortest.setdefault(meant, text)] += counts[text]
        return merged

    def number(self, value: Any) -> float:
        """A value of a column of numbers, which in CSV is a text."""
        if not isinstance(value, str):
            return value if isinstance(value, int) else float(value)
        guess = self.guess
        digits = value.strip().replace(guess.thousands, "") if guess.thousands else value.strip()
        return float(digits.replace(",", ".") if guess.decimal == "," else digits) if self.type == "float" else int(digits)

    @property
    def size(self) -> int:
        """How many numbers each of a column's lists has; 0 where they differ, or are no vectors."""
        return max(self._sizes) if len(self._sizes) == 1 else 0

    @property
    def words(self) -> float:
        """How many words a text has, on average of the values that were kept for a look."""
        return self._words / self._looked if self._looked else 0.0

    def is_missing(self, value: Any) -> bool:
        return value is None or value != value or (isinstance(value, str) and value in self.guess.nulls)

    @property
    def type(self) -> str | None:
        return self.guess.type

    @property
    def rows(self) -> int:
        return sum(self.shapes.of.values()) + sum(self.shapes.nulls.values())

    @property
    def missing(self) -> int:
        odd = (
            sum(rows for value, rows in self.shapes.of.items() if self.shapes.texts[value] <= set(self.guess.odd)) if self.guess.odd else 0
        )
        return sum(self.shapes.nulls.values()) + odd

    @property
    def distinct(self) -> int:
        """How many values; DISTINCT + 1 stands for more."""
        return len(self.counts) if self.counts is not None else DISTINCT + 1


@dataclass
class Table:
    """`sample` holds every n-th row, values in the order of `columns`; `rows` is exact where the files were read whole."""

    files: list[Path]
    dialect: Dialect
    columns: list[Column]
    rows: int
    exact: bool
    sample: list[tuple[Any, ...]]
    left_out: dict[str, str]  # names of the files that cannot be columns, and why

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    def values(self, name: str) -> list[Any]:
        """The column's values in the sample; None where one is missing."""
        place = next(i for i, column in enumerate(self.columns) if column.name == name)
        missing = self.columns[place].is_missing
        return [None if missing(row[place]) else row[place] for row in self.sample]


def read(paths: Sequence[Path], budget: int = BYTES) -> Table:
    """Look at files, `budget` bytes of text in all. Raises BadData for what cannot be read, or where they are not of one kind."""
    if not paths:
        raise WrongUsage("name at least one file")
    files = [found(path) for path in paths]
    first = files[0]
    for other in files[1:]:
        if other.dialect != first.dialect:
            raise BadData(f"{other.path} is {_told(other.dialect)}, {first.path} is {_told(first.dialect)}; a source has files of one kind")
    left_out = _left_out(files)
    columns = [
        Column(name, Shapes(typed=first.dialect.format != "csv"), kind=first.kinds.get(name))
        for name in first.names
        if name not in left_out
    ]
    if not columns:
        raise BadData(f"{first.path}: no column that all files have and that a model can use")
    sample: list[tuple[Any, ...]] = []
    step = seen = 0
    for file in files:
        places = [file.names.index(column.name) for column in columns]
        for chunk in file.chunks(max(1, budget // len(files))):
            whole = list(zip(*chunk, strict=True))
            kept = [whole[place] for place in places]
            for column, values in zip(columns, kept, strict=True):
                column.add(values)
            sample, step = _sampled(sample, max(1, step), seen, list(zip(*kept, strict=True)))
            seen += len(chunk)
    for column in columns:
        column.end()
    return Table(list(paths), first.dialect, columns, sum(f.rows for f in files), all(f.exact for f in files), sample, left_out)


def _size(value: Any) -> int:
    """How many numbers a vector has; 0 for what is none. One number in a list is a tag or a choice, not a vector."""
    numbers = isinstance(value, list) and all(isinstance(one, int | float) and not isinstance(one, bool) for one in value)
    return len(value) if numbers and len(value) > 1 else 0


def _sampled(sample: list[tuple[Any, ...]], step: int, seen: int, rows: list[tuple[Any, ...]]) -> tuple[list[tuple[Any, ...]], int]:
    """The sample with every `step`-th of more rows; twice the step once it has become too large."""
    sample = sample + rows[-seen % step :: step]
    while len(sample) > SAMPLE:
        sample, step = sample[::2], step * 2
    return sample, step


def _left_out(files: Sequence[Found]) -> dict[str, str]:
    first = files[0]
    left: dict[str, str] = {}
    for name in first.names:
        if not name:
            left[name] = "a column without a name"
        elif first.names.count(name) > 1:
            left[name] = "the name stands twice"
        elif (lacks := next((file for file in files if name not in file.names), None)) is not None:
            left[name] = f"{lacks.path.name} does not have it"
        elif first.kinds.get(name, "") is None:
            left[name] = "of a type that no feature can use"
    return left


def _told(dialect: Dialect) -> str:
    if dialect.format != "csv":
        return dialect.format
    header = "a header" if dialect.header else "no header"
    return f"csv with {header}, delimiter {dialect.delimiter!r} and encoding {dialect.encoding}"
