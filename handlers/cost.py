"""What trainings cost: `python -m handlers.cost [MODEL] [--by run|trial|month] [-o text|wide|json]`.

Each process of a step keeps the processor seconds that it uses and the price that its spec named (`handlers.runs.spending`); here they are
added up, by run, by trial or by month (UTC), and priced: on demand, and on spot machines where the price says their share. Processes
that were killed count up to their last word, and a step that is repeated counts twice: it was paid twice.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from handlers.contracts import WrongUsage, main
from handlers.modelspec.trigger import Price
from handlers.runs import spending
from handlers.runs.records import models, runs
from handlers.storage import Store, canonical_json, open_store

Doc = dict[str, Any]
BY = {"run": ("month", "model", "run"), "trial": ("model", "run", "trial"), "month": ("month", "model")}


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m handlers.cost", description="What trainings cost.")
    parser.add_argument("model", nargs="?", metavar="MODEL")
    parser.add_argument("--by", choices=tuple(BY), default="run")
    parser.add_argument("-o", "--output", choices=("text", "wide", "json"), default="text")
    return parser.parse_args(argv)


def run(argv: list[str]) -> None:
    given = arguments(argv)
    store = open_store()
    there = models(store)
    if given.model and given.model not in there:
        raise WrongUsage(f"there is no model {given.model!r} in the bucket; models: {', '.join(there) or 'none yet'}")
    rows = added(of_models(store, [given.model] if given.model else there), BY[given.by])
    print(canonical_json({"by": given.by, "costs": rows}) if given.output == "json" else text(rows, BY[given.by]))


def of_models(store: Store, names: Sequence[str]) -> Iterator[Doc]:
    """What each process has kept, with its model, run and month."""
    for model in names:
        for record in runs(store, model):
            month = datetime.fromtimestamp(record.at, UTC).strftime("%Y-%m")
            for each in spending.of_processes(store, model, record.run):
                yield {"month": month, "model": model, "run": record.run, "trial": "", **each}


def added(kept: Iterator[Doc], by: Sequence[str]) -> list[Doc]:
    """The sums of what has the same `by` and the same currency, in order; pure."""
    found: dict[tuple[str, ...], Doc] = {}
    for each in kept:
        price = Price.model_validate(each["price"]) if each.get("price") else None
        names = {name: str(each[name]) for name in by}
        at = (*names.values(), price.currency if price else "")
        row = found.setdefault(
            at, {**names, "processes": 0, "processor_seconds": 0.0, "seconds": 0.0, "currency": at[-1], "money": 0.0, "spot_money": 0.0}
        )
        used = float(each["processor_seconds"])
        money = price.of(used) if price else 0.0
        row["processes"] += 1
        row["processor_seconds"] += used
        row["seconds"] += float(each.get("seconds", 0.0))
        row["money"] += money
        # one process without a share, and what all would cost on spot machines is not known
        share = price.spot if price else None
        row["spot_money"] = None if share is None or row["spot_money"] is None else row["spot_money"] + money * share
    return [found[at] for at in sorted(found)]


def text(rows: Sequence[Mapping[str, Any]], by: Sequence[str]) -> str:
    """A table, or why there is none."""
    if not rows:
        return "Nothing is known to have cost anything: give the model a price, `trigger: {price: {cpu_hour: 0.05, currency: EUR}}`"
    head = [*(name.upper() for name in by), "PROCESSES", "CPU HOURS", "HOURS", "ON DEMAND", "ON SPOT"]
    lines = [head, *([*(row[name] for name in by), *_cells(row)] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() for cells in lines)


def _cells(row: Mapping[str, Any]) -> list[str]:
    money = [f"{row[name]:,.2f} {row['currency']}" if row["currency"] and row[name] is not None else "" for name in ("money", "spot_money")]
    return [str(row["processes"]), f"{row['processor_seconds'] / 3600:,.2f}", f"{row['seconds'] / 3600:,.2f}", *money]


if __name__ == "__main__":
    main(run)
