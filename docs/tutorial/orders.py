"""Writes orders-01.csv and orders-02.csv for the tutorial: the same rows each time."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

chance = random.Random(1)
for month, days in ((1, 31), (2, 28)):
    start = datetime(2026, month, 1, tzinfo=UTC)
    rows = ["happened_at,amount,kind,label"]
    for i in range(days * 100):
        at = start + timedelta(minutes=14.4 * i)
        amount, kind = chance.gauss(50, 20), chance.choice(["web", "shop", "phone"])
        label = chance.random() < (0.7 if kind == "phone" else 0.2) + (amount - 50) / 100
        rows.append(f"{at:%Y-%m-%dT%H:%M:%SZ},{amount:.2f},{kind},{str(label).lower()}")
    Path(f"orders-{month:02d}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    print(f"orders-{month:02d}.csv: {len(rows) - 1} rows")
