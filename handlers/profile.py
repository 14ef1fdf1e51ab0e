"""What columns hold: `python -m handlers.profile files FILE...`, or `... model NAME` for the data that a model has learned from.

`-o text|wide|json|html`, and `-o shown` for what prints it (texts and tables). Files are read block by block; of a model the statistics
that its parts have in the bucket are merged, for each snapshot, with what changed between the last two. Distinct values are counted exactly
while they are few; an estimate has a `~`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from handlers.contracts import WrongUsage, main
from handlers.explore.profile import of_files, of_model
from handlers.report import profile_page
from handlers.report.profile_columns import distinct, figure
from handlers.storage import open_store

Doc = dict[str, Any]
LONGEST = 24  # characters of a value in a table
HEAD = ("COLUMN", "TYPE", "MISSING", "DISTINCT", "MIN", "MEDIAN", "MAX", "MEAN", "MOST FREQUENT")
WIDE = ("COLUMN", "TYPE", "MISSING", "DISTINCT", "MIN", "5%", "25%", "MEDIAN", "75%", "95%", "MAX", "MEAN", "DEVIATION", "MOST FREQUENT")


def run(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m handlers.profile", description="What the columns of files or of a model's data hold.")
    parser.add_argument("what", choices=("files", "model"))
    parser.add_argument("names", nargs="+", metavar="FILE|MODEL")
    parser.add_argument("-o", "--output", choices=("text", "wide", "shown", "json", "html"), default="text")
    given = parser.parse_args(argv)
    print(written(_found(given), given.output))


def _found(given: argparse.Namespace) -> Doc:
    if given.what == "model":
        if len(given.names) > 1:
            raise WrongUsage("one model at a time")
        return of_model(open_store(), given.names[0])
    try:
        return of_files([Path(name) for name in given.names])
    except OSError as error:
        raise WrongUsage(f"{error.filename}: cannot be read: {error.strerror}") from error


def written(found: Doc, output: str) -> str:
    if output == "json":
        return json.dumps(found, indent=1, ensure_ascii=False)
    if output == "html":
        return profile_page.page(found)
    if output == "shown":
        return json.dumps(shown(found), ensure_ascii=False)
    above, table, below = shown(found, wide=output == "wide")
    rows = [table["header"], *table["rows"]]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([above["text"], *lines, below["text"]]).rstrip()


def shown(found: Doc, *, wide: bool = False) -> list[Doc]:
    """For people: what was profiled, the table of its columns, and what is to be said of them."""
    newest = found["snapshots"][0] if "snapshots" in found else found
    table = {
        "header": WIDE if wide else HEAD,
        "rows": [_row(column, wide) for column in newest["columns"]],
        "spare": ["MOST FREQUENT", "MEAN", "DISTINCT", "MEDIAN"],
    }
    lines = [f"{_short(name) or 'a column'} is left out: {why}" for name, why in found.get("left_out", {}).items()]
    if "snapshots" in found:
        lines += ["", *(change["told"] for change in found["changes"])]
        lines += [] if found["changes"] else ["Nothing changed since the snapshot before." if len(found["snapshots"]) > 1 else ""]
    return [{"text": profile_page.summary(found)}, table, {"text": "\n".join(lines).rstrip()}]


def _row(column: Doc, wide: bool) -> list[str]:
    quantiles = column.get("quantiles", {})
    shares = ("0.05", "0.25", "0.5", "0.75", "0.95") if wide else ("0.5",)
    between = [figure(quantiles.get(share)) for share in shares]
    means = [figure(column.get(name)) for name in (("mean", "deviation") if wide else ("mean",))]
    missing = f"{column['missing'] / column['rows']:.1%}" if column["missing"] else "0"
    top = ", ".join(f"{_short(value)} ({rows:,})" for value, rows in column.get("top", [])[:3])
    ends = [figure(column["min"]), *between, figure(column["max"])]
    return [_short(column["name"]), column["type"], missing, distinct(column), *ends, *means, top]


def _short(text: str) -> str:
    """A value of the data in one line of a table: cut, and without what no terminal can print."""
    shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 3] + "..."


if __name__ == "__main__":
    main(run)
