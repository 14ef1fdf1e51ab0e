"""Writes cars.csv for the tutorial: the same rows each time. A horsepower that is not known is a question mark."""

import random
from pathlib import Path

chance = random.Random(1)
rows = ["mpg,cylinders,horsepower,weight,origin,name"]
for number in range(398):
    cylinders = chance.choice([4, 4, 4, 6, 8])
    weight = round(chance.gauss(1100 + 350 * cylinders, 250))
    power = round(weight / 28 + chance.gauss(0, 8)) if number % 66 else "?"
    mpg = max(9, 45 - weight / 130 + chance.gauss(0, 2))
    rows.append(f"{mpg:.1f},{cylinders},{power},{weight},{chance.choice(['usa', 'europe', 'japan'])},car {number}")
Path("cars.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
print(f"cars.csv: {len(rows) - 1} rows")
