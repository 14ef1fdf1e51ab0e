"""Tables like those that newcomers begin with, made from a seed: each with what is odd in the real ones."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any


def breast_cancer(path: Path) -> None:
    """The one that comes with scikit-learn: names with blanks, classes 0 and 1."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    _csv(path, [*data.feature_names, "target"], ([*row, kind] for row, kind in zip(data.data.tolist(), data.target.tolist(), strict=True)))


def penguins(path: Path) -> None:
    """Three species, islands, NA in numbers and texts."""
    chance = random.Random(1)

    def row(number: int) -> list[Any]:
        species, length, mass = chance.choice([("Adelie", 38.8, 3700), ("Chinstrap", 48.8, 3730), ("Gentoo", 47.5, 5080)])
        sex = chance.choice(["male", "female"]) if number % 40 else "NA"
        measured: list[Any] = [f"{chance.gauss(length, 2.5):.1f}", round(chance.gauss(mass, 350), -1)] if number % 60 else ["NA", "NA"]
        return [species, chance.choice(["Biscoe", "Dream", "Torgersen"]), *measured, sex, chance.choice([2007, 2008, 2009])]

    _csv(path, ["species", "island", "bill_length_mm", "body_mass_g", "sex", "year"], map(row, range(344)))


def cars(path: Path) -> None:
    """A question mark for a horsepower that is not known, and the name of each car."""
    chance = random.Random(2)

    def row(number: int) -> list[Any]:
        cylinders = chance.choice([4, 4, 4, 6, 8])
        weight = round(chance.gauss(1100 + 350 * cylinders, 250))
        power: Any = "?" if number % 66 == 5 else round(weight / 28 + chance.gauss(0, 8))
        mpg = max(9.0, 45 - weight / 130 + chance.gauss(0, 2))
        return [f"{mpg:.1f}", cylinders, power, weight, 70 + number // 31, chance.choice(["usa", "europe", "japan"]), f"car no. {number}"]

    _csv(path, ["mpg", "cylinders", "horsepower", "weight", "model_year", "origin", "car name"], map(row, range(398)))


def yearly(path: Path) -> None:
    """A row a year, with semicolons between the values."""
    chance = random.Random(3)
    rows = ([1950 + i, round(chance.gauss(600, 80)), f"{2 + i / 20 + chance.gauss(0, 0.15):.2f}"] for i in range(72))
    _csv(path, ["year", "rain", "yield"], rows, ";")


def hourly(path: Path) -> None:
    """A row an hour over some weeks."""
    chance = random.Random(4)

    def row(number: int) -> list[Any]:
        at = datetime(2025, 1, 1) + timedelta(hours=number)
        warm = 10 + chance.gauss(0, 5)
        return [f"{at:%Y-%m-%d %H:%M:%S}", f"{warm:.1f}", int(at.weekday() > 4), f"{300 - 6 * warm + chance.gauss(0, 5):.1f}"]

    _csv(path, ["timestamp", "temperature", "weekend", "load"], map(row, range(24 * 40)))


def _csv(path: Path, header: Iterable[str], rows: Iterable[Iterable[Any]], delimiter: str = ",") -> None:
    lines = [delimiter.join(map(str, row)) for row in (header, *rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def european(path: Path) -> None:
    """Decimal commas, days first, semicolons, Windows' letters, compressed; names of stores that are many."""
    chance = random.Random(5)
    lines = ["Datum;Filiale;Größe;Umsatz"]
    for number in range(600):
        at = datetime(2024, 3, 1) + timedelta(hours=6 * number)
        size = chance.gauss(50, 10)
        sold = f"{20 * size + chance.gauss(0, 30):.2f}".replace(".", ",")
        lines.append(f"{at:%d.%m.%Y %H:%M};Köln {number % 40};{size:.1f};{sold}".replace(f"{size:.1f}", f"{size:.1f}".replace(".", ",")))
    path.write_bytes(gzip.compress(("\r\n".join(lines) + "\r\n").encode("cp1252")))


def offers(path: Path) -> None:
    """Lists of eight offers, in each of which the one that was ordered is mostly the cheapest."""
    chance = random.Random(6)
    rows = []
    for session in range(200):
        prices = [round(chance.uniform(5, 50), 2) for _ in range(8)]
        best = min(range(8), key=lambda i: prices[i] + chance.gauss(0, 4))
        rows += [[f"s{session}", price, chance.choice(["a", "b"]), int(i == best)] for i, price in enumerate(prices)]
    _csv(path, ["session", "price", "brand", "ordered"], rows)


MADE = (breast_cancer, penguins, cars, yearly, hourly, european, offers)
TABLES: dict[str, Callable[[Path], None]] = {made.__name__: made for made in MADE}
