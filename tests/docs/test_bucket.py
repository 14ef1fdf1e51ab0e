"""A whole run on local files leaves only keys that the page of the bucket names, and of each kind one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.committed import copy_models
from tests.docs.pages import DOCS, ROOT

# what a run on local files never makes: other prefixes, rows for a query over many rows, contents of multipart uploads,
# a report, a search in rounds, a training under way, a failure, artifacts, an event from outside, a run that waits, many objects' batches,
# predictions, processor seconds that have a price
ELSEWHERE = (
    "outbox/",
    "score/",
    "predictions/",
    "undelivered/",
    "events/",
    "batches/",
    "batches.json",
    "waiting.json",
    "raw.json",
    "contents/",
    "argo/",
    "checkpoint/",
    "within.jsonl",
    "failures.json",
    "failures/",
    "report.html",
    "search/",
    "stops/",
    "spent/",
)


def told() -> dict[str, re.Pattern[str]]:
    """Each key of the page's table as a pattern."""
    keys = re.findall(r"^\| `([^`]+)`", (DOCS / "reference" / "bucket.md").read_text(encoding="utf-8"), re.MULTILINE)
    pattern = {key: re.sub(r"<\w+>", "[^/]+", re.escape(key)).replace(re.escape("..."), ".+") for key in keys}
    return {key: re.compile(text.replace(r"history/[^/]+\.json", r"history/\d+\.json")) for key, text in pattern.items()}


def test_a_run_leaves_what_the_page_names(tmp_path: Path) -> None:
    copy_models(tmp_path)
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "RETRAIN_BUCKET": ""}

    def run(*words: str) -> None:
        ended = subprocess.run([sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr

    run(str(DOCS / "tutorial" / "orders.py"))
    run("-m", "retrain.cli", "new", "orders", "--task", "binary")
    run("-m", "handlers.try_", "models/orders.yaml", "orders-01.csv", "orders-02.csv", "--keep", "out")
    bucket = tmp_path / "out" / "bucket"
    keys = [path.relative_to(bucket).as_posix() for path in bucket.rglob("*") if path.is_file() and path.name != ".lock"]
    patterns = told()
    assert [key for key in keys if not any(p.fullmatch(key) for p in patterns.values())] == []
    unseen = [shown for shown, p in patterns.items() if not any(p.fullmatch(key) for key in keys)]
    assert [shown for shown in unseen if not any(part in shown for part in ELSEWHERE)] == []
