"""What to write in the spec when the first line of a CSV file has other columns than the spec."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from handlers.data import streams

if TYPE_CHECKING:
    from handlers.modelspec.model import Source

DELIMITERS = (";", "\t", "|", ",", " ")


def header_hint(first: list[str], source: Source, missing: str) -> str:
    """For a header that has not all columns."""
    if first[0].startswith(('{"', '[{"')):
        return "; if the file is JSON Lines, write `format: jsonl` in its source"
    other = delimiter_hint(first, source)
    if other:
        return other
    declared = {name.lower() for name in source.columns}
    if len(first) == len(declared) and not declared & {name.strip().lower() for name in first}:
        return "; if its first line has values and no names, write csv.header: false"
    return streams.meant(missing, [name.strip() for name in first])


def delimiter_hint(first: list[str], source: Source) -> str:
    """For a file with another delimiter than the spec's."""
    line = source.csv.delimiter.join(first)
    if re.fullmatch("sep=.", line):
        return f'; the first line says `{line}`: write csv.delimiter: "{line[-1]}"'
    for delimiter in DELIMITERS:
        values = [value.strip().strip('"') for value in line.split(delimiter)]
        whole = set(source.columns) <= set(values) if source.csv.header else len(values) == len(source.columns) and len(first) == 1
        part = len(first) == 1 and delimiter != " " and set(source.columns) & set(values)
        if delimiter != source.csv.delimiter and len(values) > 1 and (whole or part):
            written = delimiter.replace("\t", r"\t")
            return f'; the {"header" if source.csv.header else "first line"} has `{written}`: write csv.delimiter: "{written}"'
    return ""
