"""How the trials of a run go, as a table: pure, from the documents of `handlers.runs.live`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

from handlers.report import explain
from handlers.runs.gate import number

Doc = Mapping[str, Any]
SILENT_SECONDS = 60.0  # longer than between two words of a training, unless one validation takes longer
SPARE = ("ROWS/S", "BEST EPOCH", "WITHIN")


def table(answer: Doc) -> tuple[list[str], list[list[str]], Sequence[str]]:
    """The trials of a run that has not been judged: header, rows, and the columns that may go. Of their parameters those in which they
    differ."""
    told: Sequence[Doc] = answer["training"]
    metric = str(told[0]["select_by"])
    header = ["TRIAL", "PARAMS", "STATE", "EPOCH", f"{metric} ON VALID", "BEST EPOCH", "WITHIN", "ROWS/S", "LEFT", "NOTE"]
    differing = explain.differing(told)
    return header, [_cells(each, float(answer["now"]), differing) for each in told], SPARE


def _cells(each: Doc, now: float, differing: Set[str]) -> list[str]:
    last = each["values"][-1] if each["values"] else None
    over = each["state"] != "training"
    speed = each["rows_per_second"]
    return [
        str(each["trial"]),
        explain.parameters({name: value for name, value in each["params"].items() if name in differing} or each["params"]),
        str(each["state"]),
        f"{each['epoch']} of {each['epochs']}",
        number(last) if last is not None else "",
        str(each["best"]["epoch"]) if each["best"] else "",
        _within(each),
        f"{speed:,.0f}" if speed else "",
        "" if over else duration(each["seconds_left"]),
        _note(each, now),
    ]


def _within(each: Doc) -> str:
    """The last validation within the epoch that is under way."""
    found = each["within"]
    if not found or found["epoch"] <= each["epoch"] or found["valid"].get(each["select_by"]) is None:
        return ""
    return f"{number(found['valid'][each['select_by']])} at batch {found['batch']}"


def ended(decision: Doc | None) -> str:
    """Why a trial ended before its last epoch; nothing where none decided so."""
    return f"stopped by {decision['by']}: {decision['why']}" if decision else ""


def _note(each: Doc, now: float) -> str:
    if each["stopped"]:
        return ended(each["stopped"])
    silent = now - float(each["at"])
    if each["state"] == "training" and silent >= SILENT_SECONDS:
        return f"no word for {duration(silent)}"
    return ""


def duration(seconds: float | None) -> str:
    """ "2d 3h", "4m 10s"; nothing where it is not known."""
    if seconds is None:
        return ""
    units = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
    whole = round(seconds)
    words: list[str] = []
    for name, size in units:
        count, whole = divmod(whole, size)
        if count or (name == "s" and not words):
            words.append(f"{count}{name}")
    return " ".join(words[:2])
