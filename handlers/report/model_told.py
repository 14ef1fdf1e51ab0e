"""What `handlers.model` answers, as text for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from handlers.contracts import counted
from handlers.report import explain
from handlers.runs.gate import number

Doc = Mapping[str, Any]
HEAD = ["MODEL", "NUMBER", "TRIAL", "METRIC", "ON TEST", "SINCE", ""]
FEATURES = 10  # shown, of a model that has more


class Text(Protocol):
    def __call__(self, answer: Doc, *, wide: bool) -> str: ...


def shown_by(verb: str, answer: Doc) -> Doc:
    """The answer for people: {"text"}, or {"header", "rows", "spare"}, a table of which its printer leaves out what does not fit."""
    if verb == "list" and answer["models"]:
        return {"header": HEAD, "rows": [_champion(row) for row in answer["models"]], "spare": ["SINCE", "METRIC", "TRIAL"]}
    return {"text": TEXTS[verb](answer, wide=False)}


def _champion(row: Doc) -> list[str]:
    champion = "champion" if row["champion"] else ""
    return [row["model"], str(row["number"]), row["trial"], row["metric"], explain.valued(row["test"]), row["since"], champion]


def listed(answer: Doc, *, wide: bool) -> str:
    head, rows = list(HEAD), [_champion(row) for row in answer["models"]]
    if wide:
        head[-1:] = ["RUN", "ESTIMATOR", "EXPORT", ""]
        for row, record in zip(rows, answer["models"], strict=True):
            row[-1:] = [record["run"] or "", record["estimator"] or "", record["export"] or "", row[-1]]
    return "\n".join(_table([head, *rows])) if rows else "No model has a champion yet."


def shown(answer: Doc, *, wide: bool) -> str:
    model, record = answer["model"], answer["record"]
    classes = f": {', '.join(map(str, model['classes']))}" if model["classes"] else ""
    lines = [f"{answer['name']} trial {answer['trial']} predicts {model['target']} ({model['task']}{classes}) with {model['estimator']}."]
    if record:
        lines.append(
            f"It became champion {record['number']} at {record['since']}: {record['metric']} {explain.valued(record['test'])} on test."
        )
    told = ", ".join(f"{name} {explain.valued(found)}" for name, found in answer["metrics"]["valid"].items())
    lines.append(f"On valid: {told}.")
    lines += threshold(model["threshold"])
    lines += ["", "It reads:", *_columns(answer["schema"])]
    lines += ["", *importance(answer["importance"], every=wide)]
    if wide:
        lines += ["", *coefficients(answer["importance"])]
    made = answer["provenance"]
    lines += [
        "",
        f"Trained in run {made['run'] or 'unknown'} on dataset {made['dataset']}. Export {answer['export']}, {answer['files']} files.",
    ]
    return "\n".join(lines)


def threshold(found: Doc | None) -> list[str]:
    """From which score on a row is positive, and what that gave on valid."""
    if not found:
        return []
    rule = " ".join(f"{name}: {value}" for name, value in found["rule"].items())
    values = ", ".join(f"{name} {number(found[name])}" for name in ("precision", "recall", "f1"))
    return [f"A row is positive from a score of {number(found['value'])} on ({rule}); on valid: {values}."]


def worth(found: Doc, *, every: bool = False) -> tuple[str, list[tuple[str, str, str]], int]:
    """What the figures are, a row of each feature, the most important one first, and how many features more there are."""
    rows = [(str(each["feature"]), _number(each["loss"]), f"± {_number(each['spread'])}") for each in found["features"]]
    left = 0 if every else max(0, len(rows) - FEATURES)
    return (
        f"What {found['metric']} loses on {counted(found['rows'], 'valid row')} when a feature is shuffled",
        rows[: len(rows) - left],
        left,
    )


def importance(found: Doc, *, every: bool = False) -> list[str]:
    """The same as lines."""
    head, rows, left = worth(found, every=every)
    return [f"{head}:", *_table(rows, "  "), *([f"  and {counted(left, 'feature')} more"] if left else [])]


def coefficients(found: Doc) -> list[str]:
    """The largest coefficients of a linear model."""
    rows = [[each["column"], *map(_number, _listed(each["value"]))] for each in found.get("coefficients", [])]
    return ["Its largest coefficients:", *_table(rows, "  ")] if rows else []


def _listed(value: Any) -> list[float]:
    return list(value) if isinstance(value, list) else [value]


def _number(value: float | None) -> str:
    return "undefined" if value is None else number(value)


def _columns(schema: Doc) -> list[str]:
    rows = [[each["name"], each["type"], f"as {each['feature']}", _missing(each)] for each in schema["columns"]]
    return _table(rows, "  ")


def _missing(column: Doc) -> str:
    if column["missing"] is None:
        return ""
    value = column["missing"]
    return f"missing: {number(value) if isinstance(value, float) else repr(value)}"


def got(answer: Doc, *, wide: bool) -> str:
    what = f"{answer['model']} trial {answer['trial']}"
    if not answer["written"]:
        return f"{answer['folder']} has {what} already, {answer['files']} files as they are listed"
    more = f"\n  python {answer['folder']}/predict.py ROWS.csv\n  mlflow.pyfunc.load_model({answer['folder']!r})" if wide else ""
    return f"{answer['folder']}: {what}, {answer['files']} files, each as it is listed{more}"


def rolled_back(answer: Doc, *, wide: bool) -> str:
    return "\n".join(explain.champion(answer))


def deleted(answer: Doc, *, wide: bool) -> str:
    done = "would be removed" if answer["dry"] else "removed"
    told = f"{answer['model']}: {counted(answer['objects'], 'object')} ({_size(answer['bytes'])}) {done}; its uploads stay"
    return told if answer["dry"] else f"{told}. While models/{answer['model']}.yaml is there, the next event or tick trains it anew"


def collected(answer: Doc, *, wide: bool) -> str:
    """A line for each model: what goes, or why nothing does."""
    lines, done = [], "would be removed" if answer["dry"] else "removed"
    for row in answer["models"]:
        kinds = [f"{each['objects']:,} of {kind} ({_size(each['bytes'])})" for kind, each in row["removed"].items()]
        what = f"{', '.join(kinds)} {done}" if kinds else "nothing to remove"
        if row["busy"]:
            what = f"run {row['busy']} is under way: {'what is left goes next time' if kinds else 'nothing is removed'}"
        lines.append(f"{row['model']}: {what}")
    return "\n".join(lines) or "The bucket has no model."


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def _table(rows: Sequence[Sequence[str]], margin: str = "") -> list[str]:
    if not rows:
        return []
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [(margin + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip() for row in rows]


TEXTS: Mapping[str, Text] = {"list": listed, "show": shown, "get": got, "rollback": rolled_back, "delete": deleted, "gc": collected}
