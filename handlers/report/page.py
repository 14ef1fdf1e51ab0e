"""The report of a run: one self-contained HTML page, verdict first. Every text that comes from data, a spec or an event is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from handlers.contracts import counted
from handlers.metrics.metrics import below
from handlers.report import charts, drawn, model_card, model_told
from handlers.report.explain import parameters
from handlers.report.facts import Facts
from handlers.report.markup import anchor, bar, document, facts, figure, interval, plain, section, table
from handlers.report.style import CSS
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
LEGEND = "<i class=key></i>the winner, dashed on a sample of train <i class='key others'></i>the others"
# the sections that tell more of a link of the chain
CHAIN = {"dataset": "Data", "data": "Columns of train", "trials": "Trials", "verdict": "On test", "champion": "Champions"}
MOST_CURVES = 150  # of learning curves that are drawn, the best trials'
MOST_TRIALS = 200  # that have a row


def page(given: Facts) -> str:
    """The whole HTML document."""
    sections = {
        "The model": facts([*given.about, *given.card]),
        "On test": _test(given.verdict) + _pictures(given),
        "By class on test": _classes(given.verdict),
        "Slices": _slices(given.verdict),
        "The threshold": facts(given.decides),
        "What each feature is worth": _importance(given.importance),
        "Trials": _search(given) + _trials(given),
        "Steps that failed": _failures(given.failures),
        "Data": facts(given.data),
        "Columns of train": model_card.columns(given),
        "Champions": model_card.champions(given),
        "From the event to the champion": "",
        "Code and versions": facts(given.made),
        "How to reproduce": model_card.again(given),
        "Spec": f"<pre tabindex=0>{plain(given.spec)}</pre>" if given.spec else "",
    }
    known = {what: title for what, title in CHAIN.items() if sections[title]}
    sections["From the event to the champion"] = facts(given.chain, known)
    there = {title: html for title, html in sections.items() if html}
    links = "".join(f"<a href='#{anchor(title)}'>{escape(title)}</a>" for title in there)
    way = f"<nav aria-label=Contents>{links}</nav>" if len(there) > 3 else ""
    body = [_head(given), way, *(section(title, html) for title, html in there.items())]
    return document(f"{given.model}: {_word(given.outcome)[0]}", CSS, "\n".join(body))


def _word(outcome: str) -> tuple[str, str]:
    return WORDS.get(outcome, (outcome.capitalize() or "Not finished", "bad" if not outcome else "calm"))


def _head(given: Facts) -> str:
    word, tone = _word(given.outcome)
    after = f" · {escape(given.at)}" if given.at else ""
    return (
        f"<h1>{escape(given.model)}</h1><p class=sub>run <code>{escape(given.run)}</code> · workflow {escape(given.status)}{after}</p>"
        f'<div class="card verdict {tone}"><b>{escape(word)}</b><p>{plain(given.reason)}</p>{_figures(given.verdict)}</div>'
    )


def _figures(verdict: Mapping[str, Any]) -> str:
    """The gate's metric in large figures: of the challenger, the champion and the baseline."""
    metric = verdict.get("metric")
    found: Mapping[str, Any] = verdict.get("metrics", {}).get(metric, {})
    if not found:
        return ""
    baseline: Mapping[str, Any] = verdict.get("baseline") or {}
    shown = [("challenger", found.get("challenger")), ("champion", found.get("champion")), ("better by", found.get("difference"))]
    shown.append(("baseline", {"value": baseline["values"].get(metric)} if baseline else None))
    cells = [f"<div><dt>{escape(str(metric))}, {name}</dt><dd>{number(each['value'])}</dd></div>" for name, each in shown if each]
    return f"<dl class=figures>{''.join(cells)}</dl>{_warning(verdict)}"


def _warning(verdict: Mapping[str, Any]) -> str:
    """Metrics by which the challenger is worse than what learns nothing."""
    baseline: Mapping[str, Any] = verdict.get("baseline") or {}
    worse = [
        f"{name} {number(found['challenger']['value'])} ({number(baseline['values'][name])})"
        for name, found in verdict["metrics"].items()
        if baseline and below(name, found["challenger"].get("value"), baseline["values"].get(name))
    ]
    return f"<p class=warning>Worse than the baseline ({escape(baseline['name'])}): {plain(', '.join(worse))}.</p>" if worse else ""


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
        cells = [f"<b>{escape(name)}</b>" if name == verdict.get("metric") else escape(name), interval(found.get("challenger"))]
        cells += [interval(found.get("champion")), interval(found.get("difference"))] if with_champion else []
        cells += [number(baseline["values"].get(name))] if baseline else []
        rows.append(("mark" if name == verdict.get("metric") else "", cells))
    note = f"<p class=soft>{plain(str(verdict.get('compared', '')))}</p>"
    return table(head, rows, "The metrics on test") + note


def _pictures(given: Facts) -> str:
    """What there is to draw of the models on test."""
    found: list[tuple[str, str, str]] = []
    gate = given.verdict.get("metrics", {}).get(given.verdict.get("metric"), {})
    models = [{"model": name, **gate[name]} for name in ("challenger", "champion") if gate.get(name)]
    if any(charts.finite(model.get("low")) for model in models):
        asked = given.verdict.get("gate", {})
        bound = asked.get("at_least") if asked.get("at_least") is not None else asked.get("at_most")
        words = "The line is the interval; two that overlap may still differ, as both are judged on the same rows."
        if bound is not None and charts.near(models, bound):
            words += f" Dashed: the gate's {number(bound)} at {'least' if asked.get('at_least') is not None else 'most'}."
        found.append((f"{given.verdict['metric']} with its interval", charts.intervals(models, str(given.verdict["metric"]), bound), words))
    if any(given.roc.values()):
        words = "How many of the positive rows are found, by how many of the others are taken for positive."
        found.append(("ROC", charts.roc({name: points for name, points in given.roc.items() if points}), words))
    found += drawn.of_task(given.pictures, given.verdict.get("threshold"))
    cards = "".join(figure(title, drawing, escape(words)) for title, drawing, words in found)
    cards += "".join(
        figure(f"Confusion matrix, {name}", model_card.matrix(of["confusion"]), "A line for each true class, a column for each called one.")
        for name, of in given.pictures.items()
        if of.get("confusion")
    )
    return f"<div class=charts>{cards}</div>" if cards else ""


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
    return table(head, rows, "Each class on test")


def _slices(verdict: Mapping[str, Any]) -> str:
    """One table per column: the gate's metric for each of its values that has rows enough."""
    found: Sequence[Mapping[str, Any]] = verdict.get("slices", [])
    text, metric = "", escape(str(verdict.get("metric")))
    for column in dict.fromkeys(str(row["column"]) for row in found):
        of_column = [row for row in found if row["column"] == column]
        with_champion = any(row.get("champion") for row in of_column)
        names = ["challenger", *(["champion", "difference"] if with_champion else [])]
        head = [(column, False), ("rows", True), *(("better by" if n == "difference" else n, True) for n in names)]
        rows = [("", [escape(row["value"]), f"{row['rows']:,}", *(interval(row.get(n)) for n in names)]) for row in of_column]
        text += f"<h3>{metric} by {escape(column)}</h3>{table(head, rows, f'{metric} by {column}')}"
    return text


def _importance(found: Mapping[str, Any] | None) -> str:
    """A bar for each feature, the most important one first."""
    if not found:
        return ""
    head, rows, left = model_told.worth(found)
    losses = [each["loss"] or 0.0 for each in found["features"][: len(rows)]]
    most = max([*losses, 0.0]) or 1.0
    cells = [("", [escape(name), f"{loss} <small>{spread}</small>", bar(losses[i] / most)]) for i, (name, loss, spread) in enumerate(rows)]
    more = f"<p class=soft>and {counted(left, 'feature')} more</p>" if left else ""
    return f"<p class=soft>{plain(head)}.</p>{table([('feature', False), ('worth', True), ('', False)], cells, head, 'bars')}{more}"


def _search(given: Facts) -> str:
    """The learning curves of the trials, and their parameters beside what came of them."""
    if not given.trials or not given.select_by:
        return ""
    winner = str(given.verdict.get("winner", {}).get("trial") or given.trials[0]["trial"])
    curves = {
        str(t["trial"]): t["curve"] for n, t in enumerate(given.trials) if t.get("curve") and (n < MOST_CURVES or t["trial"] == winner)
    }
    cards = ""
    if any(len(lines) > 1 for lines in curves.values()):
        more = f"; {counted(len(given.trials) - len(curves), 'more trial')}" if len(curves) < len(given.trials) else ""
        cards += figure(f"{given.select_by} on valid by epoch", charts.learning(curves, given.select_by, winner), LEGEND + more)
    across = drawn.parallel(given.trials[:MOST_CURVES], given.select_by, winner, given.higher)
    if across:
        cards += figure(across[0], across[1], escape(across[2]), "all" if len(drawn.varied(given.trials)) > 2 else "")
    return f"<div class=charts>{cards}</div>" if cards else ""


def _trials(given: Facts) -> str:
    if not given.trials:
        return ""
    winner = given.verdict.get("winner", {}).get("trial")
    names = first(given.trials[0].get("valid", {}), given.select_by)
    rows = []
    for trial in given.trials[:MOST_TRIALS]:
        tags = "<span class=tag>winner</span>" if trial["trial"] == winner else ""
        tags += "<span class='tag champion'>champion</span>" if trial["trial"] == given.champion_trial else ""
        cells = [f"<code>{escape(str(trial['trial']))}</code>{tags}", plain(parameters(trial.get("params")))]
        cells += [interval(trial.get("valid", {}).get(name)) for name in names]
        cells += [str(trial.get("epochs", "–")), f"{trial['seconds']:.1f}" if trial.get("seconds") is not None else "–"]
        rows.append(("mark" if trial["trial"] == winner else "", cells))
    head = [("trial", False), ("parameters", False), *((f"{n} on valid", True) for n in names), ("epochs", True), ("seconds", True)]
    left = len(given.trials) - MOST_TRIALS
    return table(head, rows, "The trials", "trials") + (f"<p class=soft>and {counted(left, 'more trial')}</p>" if left > 0 else "")


def _failures(failures: Sequence[Mapping[str, Any]]) -> str:
    if not failures:
        return ""
    rows = [("", [plain(str(f.get(k, ""))) for k in ("displayName", "phase", "message")]) for f in failures]
    return table([("step", False), ("phase", False), ("message", False)], rows, "The steps that failed")
