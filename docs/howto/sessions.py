"""python docs/howto/sessions.py [ROWS] [FOLDER]: makes sessions of a shop, in each of which some of the offers shown were ordered.

Writes sessions-1.parquet and sessions-2.parquet, two weeks each. What is ordered hangs on the brand, the price, the discount and on how
high up an offer was shown.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

FIRST = datetime(2026, 3, 1, tzinfo=UTC)
DAYS, BRANDS = 14, 200


def sessions(first: int, count: int, start: datetime, random: np.random.Generator, liked: np.ndarray) -> pa.Table:
    """So many sessions from a day on, each with 5 to 44 offers."""
    shown = random.integers(5, 45, count)
    rows = int(shown.sum())
    session = np.repeat(np.arange(first, first + count), shown)
    began = np.repeat(np.sort(random.integers(0, DAYS * 86400, count)), shown)
    position = np.concatenate([np.arange(1, n + 1) for n in shown])
    brand = (BRANDS * random.random(rows) ** 2).astype(int)
    price, discount = random.lognormal(3.5, 0.6, rows), random.choice([0.0, 0.1, 0.2, 0.4], rows)
    worth = liked[brand] - 0.8 * np.log(price) + 3.0 * discount - 0.05 * position + random.gumbel(size=rows)
    best = np.repeat(np.maximum.reduceat(worth, np.append(0, np.cumsum(shown)[:-1])), shown)
    ordered = worth > best - 0.4  # the best offer, and what comes near it
    return pa.table(
        {
            "session_id": [f"s{number:07}" for number in session],
            "session_start": pa.array([start + timedelta(seconds=int(second)) for second in began], pa.timestamp("us", tz="UTC")),
            "offer": position.astype(np.int64),
            "position": position.astype(np.float64),
            "brand": [f"b{number}" for number in brand],
            "device": [("app", "web")[number % 2] for number in session],
            "price": np.round(price, 2),
            "discount": discount,
            "ordered": ordered.astype(np.int64),
        }
    )


def main(rows: int = 20_000, folder: str = ".") -> list[Path]:
    random = np.random.default_rng(0)
    liked = random.normal(0.0, 1.2, BRANDS)
    count = max(50, rows // 49)
    paths = []
    for number in range(2):
        start = FIRST + timedelta(days=number * DAYS)
        paths.append(Path(folder) / f"sessions-{number + 1}.parquet")
        parquet.write_table(sessions(number * count, count, start, random, liked), paths[-1])
    return paths


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000, *sys.argv[2:3])
