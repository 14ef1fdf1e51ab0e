"""The way from an event to the champion as rows of text: pure, from the documents of `handlers.runs.followed`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from handlers.contracts import counted, instant
from handlers.report.explain import parameters
from handlers.runs.followed import ONWARD
from handlers.runs.gate import number

Doc = Mapping[str, Any]
Row = tuple[str, str]
SHOWN = 5  # of a list


def event(found: Doc) -> str:
    """ "3f0c9a upload of bucket at 2013-02-01T00:00:03Z: incoming/flight-delay/2013-01.csv"."""
    which = f"{found['id']}, {found['source']}/{found['subject']} at {found['time']}" if found.get("id") else str(found.get("from") or "")
    if found.get("ce_id"):
        which += f" (CloudEvent {found['ce_id']}{' of ' + str(found['ce_source']) if found.get('ce_source') else ''})"
    about = ", ".join(str(found[name]) for name in ("key", "reason") if found.get(name))
    return f"{which}: {about}" if about else which


def sensors(became: Iterable[Doc]) -> list[Row]:
    """What became of an event at each Sensor, as the engine's journal has it."""
    rows = []
    for each in became:
        what = f"{each['became']} {each['run']}" if each["run"] else str(each["became"])
        because = f": {each['reason']}" if each["reason"] and each["became"] != "joined" else ""
        rows.append(("sensor", f"{each['sensor']}: {what}{because}"))
    return rows


def chain(found: Doc, others: Sequence[Doc] = (), brief: bool = False) -> list[Row]:
    """A run's chain, from its event to the champion. `others`: the journal's events that came to this run too; `brief`: without reasons."""
    rows: list[Row] = [("event", event(found["event"]) if found["event"] else "none: a follow-up, or submitted by hand")]
    mine = (found["event"] or {}).get("id")
    rows += [("joined", event(each)) for each in others if each["id"] != mine][:SHOWN]
    if len(others) > SHOWN:
        rows.append(("joined", f"{len(others) - SHOWN} more events (-o json lists all)"))
    rows += [("took up", _took_up(each)) for each in found["took_up"][:SHOWN]]
    rows.append(("run", _run(found, brief)))
    rows += _data(found)
    rows += _judged(found, brief)
    return [row for row in rows if row[1]]


def _took_up(each: Doc) -> str:
    of = f": event {event(each['event'])}" if each["event"] else ""
    return f"run {each['run']}, which found the model busy{of}"


def _run(found: Doc, brief: bool) -> str:
    if found["outcome"] == "running":
        decided = f"it decided: {found['decision']}" if found["decision"] else "it has taken no snapshot yet"
        return f"{found['run']} has not ended; {decided}"
    after = f"; run {found['taken_up_by']} took it up" if found["taken_up_by"] else ""
    return f"{found['run']} ended as {found['outcome']}{'' if brief else ': ' + found['reason']}{after}"


def _data(found: Doc) -> list[Row]:
    snapshot, parts, dataset = found["snapshot"], found["parts"], found["dataset"]
    rows: list[Row] = []
    if snapshot:
        again = f"; {counted(len(snapshot['before']), 'earlier snapshot')} changed while it was read" if snapshot["before"] else ""
        rows.append(("snapshot", f"{snapshot['digest']}: {counted(snapshot['objects'], 'object')}{again}"))
    if parts:
        made = f"of {counted(parts['objects'], 'object')}: {counted(parts['rows'], 'row')}"
        rows.append(("parts", f"{counted(parts['parts'], 'part')} {made}"))
    if dataset:
        roles = "; ".join(f"{role} {counted(of['rows'], 'row')} ({of['what']})" for role, of in dataset["roles"].items())
        rows.append(("dataset", f"{dataset['digest']}: {roles}"))
    return rows


def _judged(found: Doc, brief: bool) -> list[Row]:
    verdict, champion = found["verdict"], found["champion"]
    if not verdict:
        return []
    won = next((t for t in found["trials"] if t["trial"] == verdict["winner"]), None)
    best = f"; the best is {won['trial']} ({parameters(won['params'])}), {number(won['value'])}" if won else ""
    rows: list[Row] = [("trials", f"{counted(len(found['trials']), 'trial')}{best}")]
    rows.append(("verdict", f"{verdict['decision']}{'' if brief else ': ' + str(verdict['reason'])}"))
    if (verdict.get("data") or {}).get("sentence"):
        rows.append(("data", str(verdict["data"]["sentence"])))
    if champion:
        now = "it is the champion now" if champion["current"] else "another one has followed it"
        rows.append(("champion", f"number {champion['number']}, trial {champion['trial']}, since {instant(champion['at'])}; {now}"))
    elif verdict["decision"] == "promoted":
        rows.append(("champion", "not written yet"))
    return rows


def next_of_run(found: Doc) -> list[str]:
    """What to type next about a run."""
    if found["outcome"] == "running":
        return [f"retrain get {found['run']}"]
    winner = (found["verdict"] or {}).get("winner")
    onward = found["taken_up_by"] or (found["by"] if found["decision"] in ONWARD else None)
    words = [f"retrain why {onward}"] if onward else []
    return [*words, *([f"retrain why {winner}"] if winner else []), f"retrain why {found['model']}"]


def of_event(found: Doc) -> list[str]:
    """An event and everything that it led to."""
    rows: list[Row] = [("event", event(found["event"])), *sensors(found["sensors"])]
    if not found["runs"]:
        rows.append(("run", "none: no run was started by it, and no run in the bucket names it"))
    for one in found["runs"]:
        rows += [row for row in chain(one) if row[0] != "event"]
    return [f"Event {found['event']['id']}{_about(found['event'])}", *lines(rows), *following(found["next"])]


def _about(found: Doc) -> str:
    model = found.get("model")
    return f" is about model {model}." if model else " names no model."


def of_object(found: Doc) -> list[str]:
    """An object: what there is of it, who had it, and what the champion learned of it."""
    thing = found["object"]
    is_there = f"{thing['size']:,} bytes, put at {instant(thing['modified'])}" if thing["there"] else "not in the bucket any more"
    told = [f"Object {thing['key']}: {is_there}."]
    if not found["models"]:
        told.append("No run has had it in its snapshot.")
    rows: list[Row] = [("event", event(each)) for each in found["events"][:SHOWN]]
    for each in found["models"]:
        rows += _of_model(each)
    return [*told, *lines(rows), *following(found["next"])]


def _of_model(each: Doc) -> list[Row]:
    runs = each["runs"]
    shown = ", ".join(f"{one['run']} ({one['outcome']})" for one in runs[:SHOWN])
    more = f" and {len(runs) - SHOWN} more" if len(runs) > SHOWN else ""
    rows: list[Row] = [("model", f"{each['model']}: {counted(len(runs), 'run')} had it: {shown}{more}")]
    rows.append(
        ("content", f"{runs[0]['content']} in the newest run; {counted(len({one['content'] for one in runs}), 'state')} of it in all")
    )
    learned = each["champion"]
    if learned is None:
        return [*rows, ("champion", "there is none yet")]
    who = f"champion {learned['number']} (run {learned['run']})"
    if learned["content"] is None:
        return [*rows, ("champion", f"{who} has not learned it")]
    same = "as it was in the newest run" if learned["content"] == runs[0]["content"] else f"as it was before: {learned['content']}"
    if learned["queried"]:
        return [*rows, ("champion", f"{who} read it through data.query, {same}; rows of such a query are not told apart by object")]
    roles = "; ".join(f"{role} {counted(of['rows'], 'row')} ({of['first']} to {of['last']})" for role, of in learned["roles"].items())
    rows.append(("champion", f"{who} has it, {same}: {roles or 'in none of the roles'}"))
    rows += [("part", f"{part['key']}: {counted(part['rows'], 'row')}") for part in learned["parts"][:SHOWN]]
    left = len(learned["parts"]) - SHOWN
    return [*rows, ("part", f"{counted(left, 'more part')} (-o json lists all)")] if left > 0 else rows


def of_trial(found: Doc) -> list[Row]:
    """Where a trial's data came from, and where it went."""
    rows = [("event", event(each)) for each in found["events"][:SHOWN]]
    rows += [("run", f"{one['run']} ({one['outcome']})" + (", which it won" if one["winner"] else "")) for one in found["runs"][:SHOWN]]
    if found["parts"]:
        rows.append(("parts", f"{counted(found['parts']['parts'], 'part')} of {counted(found['parts']['objects'], 'object')}"))
    if found["dataset"]:
        rows.append(("dataset", str(found["dataset"]["digest"])))
    return rows


def lines(rows: Iterable[Row]) -> list[str]:
    """Rows as text, the same word written once for those that follow each other."""
    told, last = [], ""
    for what, value in rows:
        told.append(f"  {'' if what == last else what:<9} {value}")
        last = what
    return told


def following(commands: Iterable[str]) -> list[str]:
    """What to type next."""
    named = ", ".join(f"`{command}`" for command in dict.fromkeys(commands))
    return [f"Next: {named}"] if named else []
