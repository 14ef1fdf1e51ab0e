"""Exit codes, outputs, long arguments."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from handlers.contracts import BadData, BadSpec, GaveUp, TryAgain, WrongUsage, json_argument, main, write_output
from handlers.storage import Temporary


@pytest.mark.parametrize(
    ("error", "code"),
    [(WrongUsage("w"), 2), (BadData("b"), 65), (GaveUp("g"), 70), (TryAgain("t"), 75), (BadSpec("s"), 78), (Temporary("n"), 75)],
)
def test_a_failure_ends_with_its_code_and_one_line(error: Exception, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    def run(_: list[str]) -> None:
        raise error

    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as ended:
            main(run, [])
    finally:
        signal.signal(signal.SIGTERM, before)
    line = json.loads(capsys.readouterr().err)
    assert (ended.value.code, line["exit_code"], line["event"]) == (code, code, "failed")


def test_a_stop_ends_with_143() -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as ended:
            main(lambda _: os.kill(os.getpid(), signal.SIGTERM), [])
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended.value.code == 143


def test_an_output_makes_its_folders(tmp_path: Path) -> None:
    write_output(str(tmp_path / "a" / "b"), "text")
    write_output(None, "nowhere")
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b"]
    assert (tmp_path / "a" / "b").read_text() == "text"


def test_an_argument_above_the_kernels_limit_is_read_from_its_file(tmp_path: Path) -> None:
    results = [json.dumps({"trial": f"{number:016x}", "select_by": "roc_auc", "value": 0.5}) for number in range(2000)]
    text = json.dumps(results)
    assert len(text) > 131072
    file = tmp_path / "argo_arg_3.txt"
    file.write_text(text, encoding="utf-8")
    assert json_argument(f"@{file}", "--results") == json_argument(text, "--results") == results
    with pytest.raises(WrongUsage, match=r"--results: /nowhere/x cannot be read"):
        json_argument("@/nowhere/x", "--results")
