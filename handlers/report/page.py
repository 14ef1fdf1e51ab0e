"""The report of a run: one self-contained HTML page, verdict first. Every text that comes from data, a spec or an event is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from handlers.report import charts
from handlers.runs.gate import number

WORDS = {
    "promoted": ("Promoted", "good"),
    "refused": ("Refused", "warn"),
    "kept": ("Champion kept", "warn"),
    "already-trained": ("Already trained", "calm"),
    "busy": ("Model busy", "calm"),
    "backfilled": ("Past state, nothing moved", "calm"),
    "joined": ("Joined another run", "calm"),
    "deferred": ("Not yet", "calm"),
    "skipped": ("Skipped", "calm"),
    "superseded": ("Superseded", "calm"),
    "no-data": ("No data", "calm"),
    "failed": ("Failed", "bad"),
}
LEGEND = "<p class=soft>Blue: the winner, dashed on a sample of train. Grey: the other trials.</p>"
CSS = """
:root{color-scheme:light}
*{box-sizing:border-box}
body{font:15px/1.5 -apple-system,"Segoe UI",Helvetica,Arial,sans-serif;color:#1f2933;background:#f6f7f9;margin:0}
main{max-width:1020px;margin:0 auto;padding:28px 24px 60px}
h1{font-size:26px;margin:0}
h2{font-size:18px;margin:34px 0 10px}
.sub{color:#5b6672;margin:2px 0 18px;overflow-wrap:anywhere}
.card{background:#fff;border:1px solid #dfe4ea;border-radius:8px;padding:16px 20px;margin:0 0 14px}
.verdict{border-left:8px solid #9aa4b1}
.verdict.good{border-left-color:#2e8b57}
.verdict.warn{border-left-color:#d9822b}
.verdict.bad{border-left-color:#c0392b}
.verdict b{font-size:20px}
.verdict p{margin:6px 0 0;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:6px 10px;border-bottom:1px solid #eceff3;vertical-align:top}
th{color:#5b6672;font-weight:600;font-size:13px}
td.n,th.n{text-align:right}
tr.mark td{background:#eef5fc}
.wide{overflow-x:auto}
.tag{display:inline-block;border-radius:10px;padding:0 8px;font-size:12px;background:#2a6fbb;color:#fff;margin-left:6px}
.tag.champion{background:#2e8b57}
.charts{display:flex;flex-wrap:wrap;gap:14px}
.charts .card{flex:1 1 420px}
.charts svg{max-width:100%;height:auto}
h3{font-size:15px;margin:0 0 8px}
code,pre{font:13px/1.45 ui-monospace,Menlo,Consolas,monospace}
pre{background:#fff;border:1px solid #dfe4ea;border-radius:8px;padding:14px;overflow:auto;margin:0}
.soft,small{color:#5b6672}
small{white-space:nowrap}
.charts .all{flex-basis:100%}
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a page is made of; all of it is read from the bucket but `status` and `failures`, which the engine passes.

    `trials`: {"trial", "params", "valid": {metric: interval}, "epochs", "rows", "seconds", "curve": lines}, the best first.
    `roc`: points by the model's name. `chain`: from the event to the champion, `data`, `decides`: from which score on a row is positive,
    and `features`: what each is worth to the winner: rows of (what, value).
    """

    model: str
    run: str
    status: str
    outcome: str
    reason: str
    verdict: Mapping[str, Any] = field(default_factory=dict)
    trials: Sequence[Mapping[str, Any]] = ()
    roc: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    chain: Sequence[tuple[str, str]] = ()
    data: Sequence[tuple[str, str]] = ()
    decides: Sequence[tuple[str, str]] = ()
    features: Sequence[tuple[str, str]] = ()
    failures: Sequence[Mapping[str, Any]] = ()
    spec: str = ""
    select_by: str = ""
    champion_trial: str = ""
    at: str = ""


def page(facts: Facts) -> str:
    """The whole HTML document."""
    sections = [
        _head(facts),
        _test(facts.verdict),
        _curves(facts),
        _classes(facts.verdict),
        _slices(facts.verdict),
        _rows("The threshold", facts.decides),
        _rows("What each feature is worth", facts.features),
        _trials(facts),
        _failures(facts.failures),
        _rows("From the event to the champion", facts.chain),
        _rows("Data", facts.data),
        f"<h2>Spec</h2><pre>{escape(facts.spec)}</pre>" if facts.spec else "",
    ]
    title = f"{escape(facts.model)}: {escape(_word(facts.outcome)[0])}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{CSS}</style></head><body><main>\n"
        + "\n".join(s for s in sections if s)
        + "\n</main></body></html>\n"
    )


def _word(outcome: str) -> tuple[str, str]:
    return WORDS.get(outcome, (outcome.capitalize() or "Not finished", "bad" if not outcome else "calm"))


def _head(facts: Facts) -> str:
    word, tone = _word(facts.outcome)
    after = f" · {escape(facts.at)}" if facts.at else ""
    return (
        f"<h1>{escape(facts.model)}</h1><p class=sub>run <code>{escape(facts.run)}</code> · workflow {escape(facts.status)}{after}</p>"
        f'<div class="card verdict {tone}"><b>{escape(word)}</b><p>{escape(facts.reason)}</p></div>'
    )


def _table(head: Iterable[tuple[str, bool]], rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    """Cells are HTML already; a head is (text, is numeric), a row (css class, cells)."""
    columns = list(head)
    top = "".join(f"<th{' class=n' if numeric else ''}>{escape(text)}</th>" for text, numeric in columns)
    body = "".join(
        f"<tr class='{css}'>" + "".join(f"<td{' class=n' if columns[i][1] else ''}>{cell}</td>" for i, cell in enumerate(cells)) + "</tr>"
        for css, cells in rows
    )
    return f"<div class='card wide'><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"


def shown(found: Mapping[str, Any] | None) -> str:
    """The value of an interval's document and its bounds in brackets, as HTML."""
    if not found or found.get("value") is None:
        return "–"
    text = number(found["value"])
    return f"{text} <small>[{number(found['low'])}, {number(found['high'])}]</small>" if found.get("low") is not None else text


def first(names: Iterable[str], leading: str | None) -> list[str]:
    """The names in order, with the leading one first if it is among them."""
    return sorted(names, key=lambda name: (name != leading, name))


def _test(verdict: Mapping[str, Any]) -> str:
    metrics: Mapping[str, Mapping[str, Any]] = verdict.get("metrics", {})
    if not metrics:
        return ""
    baseline: Mapping[str, Any] = verdict.get("baseline") or {}
    with_champion = any(m.get("champion") for m in metrics.values())
    head = [("metric", False), ("challenger", True)]
    head += [("champion", True), ("better by", True)] if with_champion else []
    head += [(f"baseline ({baseline['name']})", True)] if baseline else []
    rows = []
    for name in first(metrics, verdict.get("metric")):
        found = metrics[name]
        cells = [f"<b>{escape(name)}</b>" if name == verdict.get("metric") else escape(name), shown(found.get("challenger"))]
        cells += [shown(found.get("champion")), shown(found.get("difference"))] if with_champion else []
        cells += [number(baseline["values"].get(name))] if baseline else []
        rows.append(("mark" if name == verdict.get("metric") else "", cells))
    note = f"<p class=soft>{escape(str(verdict.get('compared', '')))}</p>"
    return f"<h2>On test</h2>{_table(head, rows)}{note}"


def _classes(verdict: Mapping[str, Any]) -> str:
    """What each model makes of each class."""
    found: Sequence[Mapping[str, Any]] = verdict.get("classes", [])
    if not found:
        return ""
    models = [name for name in ("challenger", "champion") if name in found[0]]
    head = [("class", False), ("rows", True), *((f"{score}, {model}", True) for model in models for score in found[0]["challenger"])]
    rows = [
        ("", [escape(row["class"]), f"{row['rows']:,}", *(number(value) for model in models for value in row[model].values())])
        for row in found
    ]
    return f"<h2>By class on test</h2>{_table(head, rows)}"


def _slices(verdict: Mapping[str, Any]) -> str:
    """One table per column: the gate's metric for each of its values that has rows enough."""
    found: Sequence[Mapping[str, Any]] = verdict.get("slices", [])
    text = ""
    for column in dict.fromkeys(str(row["column"]) for row in found):
        of_column = [row for row in found if row["column"] == column]
        with_champion = any(row.get("champion") for row in of_column)
        names = ["challenger", *(["champion", "difference"] if with_champion else [])]
        head = [(column, False), ("rows", True), *(("better by" if n == "difference" else n, True) for n in names)]
        rows = [("", [escape(row["value"]), f"{row['rows']:,}", *(shown(row.get(n)) for n in names)]) for row in of_column]
        text += f"<h2>{escape(str(verdict.get('metric')))} by {escape(column)}</h2>{_table(head, rows)}"
    return text


def _curves(facts: Facts) -> str:
    drawn: list[tuple[str, str, str]] = []
    gate = facts.verdict.get("metrics", {}).get(facts.verdict.get("metric"), {})
    models = [{"model": name, **gate[name]} for name in ("challenger", "champion") if gate.get(name)]
    if models:
        gate_spec = facts.verdict.get("gate", {})
        threshold = gate_spec.get("at_least") if gate_spec.get("at_least") is not None else gate_spec.get("at_most")
        drawn.append(
            (f"{facts.verdict['metric']} with its interval", charts.intervals(models, str(facts.verdict["metric"]), threshold), " all")
        )
    if any(facts.roc.values()):
        drawn.append(("ROC on test", charts.roc(facts.roc), ""))
    curves = {str(t["trial"]): t["curve"] for t in facts.trials if t.get("curve")}
    if curves and facts.select_by and any(len(lines) > 1 for lines in curves.values()):
        winner = str(facts.verdict.get("winner", {}).get("trial") or facts.trials[0]["trial"])
        drawing = charts.learning(curves, facts.select_by, winner)
        drawn.append(("Learning curves on valid", drawing + LEGEND, ""))
    if not drawn:
        return ""
    return (
        "<h2>Curves</h2><div class=charts>"
        + "".join(f"<div class='card{css}'><h3>{escape(t)}</h3>{s}</div>" for t, s, css in drawn)
        + "</div>"
    )


def _trials(facts: Facts) -> str:
    if not facts.trials:
        return ""
    winner = facts.verdict.get("winner", {}).get("trial")
    names = first(facts.trials[0].get("valid", {}), facts.select_by)
    rows = []
    for trial in facts.trials:
        tags = "<span class=tag>winner</span>" if trial["trial"] == winner else ""
        tags += "<span class='tag champion'>champion</span>" if trial["trial"] == facts.champion_trial else ""
        params = ", ".join(f"{k}={v}" for k, v in trial.get("params", {}).items()) or "as in the spec"
        cells = [f"<code>{escape(str(trial['trial']))}</code>{tags}", escape(params)]
        cells += [shown(trial.get("valid", {}).get(name)) for name in names]
        cells += [str(trial.get("epochs", "–")), f"{trial['seconds']:.1f}" if trial.get("seconds") is not None else "–"]
        rows.append(("mark" if trial["trial"] == winner else "", cells))
    head = [("trial", False), ("parameters", False), *((f"{n} on valid", True) for n in names), ("epochs", True), ("seconds", True)]
    return f"<h2>Trials</h2>{_table(head, rows)}"


def _failures(failures: Sequence[Mapping[str, Any]]) -> str:
    if not failures:
        return ""
    rows = [("", [escape(str(f.get(k, ""))) for k in ("displayName", "phase", "message")]) for f in failures]
    return "<h2>Steps that failed</h2>" + _table([("step", False), ("phase", False), ("message", False)], rows)


def _rows(title: str, rows: Sequence[tuple[str, str]]) -> str:
    if not rows:
        return ""
    return f"<h2>{title}</h2>" + _table([("", False), ("", False)], [("", [escape(what), escape(value)]) for what, value in rows])
