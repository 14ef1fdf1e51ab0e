"""Events as data, exit codes, outputs."""

from __future__ import annotations

import base64
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from handlers.contracts import (
    BadData,
    BadSpec,
    EventContext,
    GaveUp,
    RetrainRequest,
    TryAgain,
    WrongUsage,
    json_argument,
    main,
    write_output,
)
from handlers.storage import Temporary


def encoded(value: Any) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


EVENT = {"model": "flight-delay", "key": "incoming/flight-delay/a.csv", "etag": "e", "time": "t", "source": "bucket", "window": 3}


def test_an_event_is_read() -> None:
    found = RetrainRequest.from_event(encoded(EVENT))
    assert (found.model, found.key, found.source, found.reason) == ("flight-delay", "incoming/flight-delay/a.csv", "bucket", "")


@pytest.mark.parametrize("data", [{"data": EVENT}, {"data_base64": encoded(EVENT)}], ids=["data", "data_base64"])
def test_a_cloud_event_carries_it(data: dict[str, Any]) -> None:
    assert RetrainRequest.from_event(encoded({"specversion": "1.0", "type": "t", **data})) == RetrainRequest.from_event(encoded(EVENT))


def test_the_context_of_an_event_says_which_it_was() -> None:
    context = {"id": "3f0c", "source": "bucket", "type": "minio", "subject": "upload", "time": "t", "specversion": "1.0"}
    assert EventContext.from_text(encoded(context)) == EventContext("3f0c", "bucket", "minio", "upload", "t")
    assert EventContext.from_text("") == EventContext()
    for text, said in (
        (encoded([]), "context must be a JSON object"),
        (encoded({"id": 7}), "context's id must be text"),
        ("x", "not base64"),
    ):
        with pytest.raises(BadData, match=said):
            EventContext.from_text(text)


def test_no_event_is_an_empty_request() -> None:
    assert RetrainRequest.from_event(" ") == RetrainRequest()


@pytest.mark.parametrize("key", ["incoming/x/{{workflow.name}}", "incoming/x/$(rm -rf ~)", "../../etc/passwd", "a\n'; drop", "🛫"])
def test_a_hostile_key_stays_text(key: str) -> None:
    assert RetrainRequest.from_event(encoded({**EVENT, "key": key})).key == key


def test_half_a_character_can_be_written() -> None:
    found = RetrainRequest.from_event(base64.b64encode(b'{"key": "a\\ud800b", "reason": "\\ud83d\\ude00"}').decode())
    assert (found.key, found.reason) == ("a\ufffdb", "😀")


@pytest.mark.parametrize(
    "text",
    [
        encoded({"specversion": "1.0", "data_base64": base64.b64encode(b"[" * 100_000).decode()}),
        "not base64",
        base64.b64encode(b"\xff\xfe").decode(),
        base64.b64encode(b"{").decode(),
        encoded([1]),
        encoded("text"),
        encoded({"model": 7}),
        encoded({"key": ["a"]}),
        encoded({"model": "../x"}),
        encoded({"model": "A"}),
        encoded({"specversion": "1.0", "data": "text"}),
        encoded({"specversion": "1.0", "data_base64": "%"}),
        base64.b64encode(b"[" * 100_000).decode(),
    ],
)
def test_what_is_no_event_is_bad_data(text: str) -> None:
    with pytest.raises(BadData):
        RetrainRequest.from_event(text)


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
