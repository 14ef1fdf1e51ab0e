"""What a run's data has that the champion's has not: objects and rows, from manifests and snapshots, without reading rows.

A part's name says what its rows are, so parts of one name have the same rows, and what differs is counted part by part. Only of a part
that begins before the end of the champion's split and ends after it are the units of its rows read, one part at a time; and of a part that
objects share, which only one of the two has, the objects and units of its rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from handlers.contracts import BadData, counted
from handlers.data import cut
from handlers.data.manifest import Dataset, PartRef, load_dataset
from handlers.data.split import ROLES, label, number
from handlers.data.units import OBJECT, UNIT
from handlers.runs import requests, snapshots
from handlers.storage import Store

Doc = dict[str, Any]
Contents = Mapping[str, Any]  # what each object of a snapshot holds, by key
SHOWN = 20  # objects of each kind that are named
KINDS = ("added", "changed", "removed")


def of_run(store: Store, now: Dataset, run: str, model: str, champion: Mapping[str, Any] | None) -> Doc:
    """The difference of a run's data from that of the champion's record."""
    if champion is None:
        return against(now, None, {}, {})
    before = load_dataset(store, model, str(champion["dataset"]))
    objects, learned = (_contents(store, model, name) for name in (run, str(champion["run"])))
    now, before = _apart(store, now, before, objects, learned)
    return against(now, before, objects, learned, _late(store, now, before, objects, learned))


def _contents(store: Store, model: str, run: str) -> Contents:
    """The objects of a run's snapshot; none where it is not known any more."""
    request = requests.read(store, model, run) or {}
    try:
        return {str(key): more for key, *more in snapshots.load(store, model, str(request.get("snapshot"))).objects}
    except BadData:
        return {}


def _apart(store: Store, now: Dataset, before: Dataset, objects: Contents, learned: Contents) -> tuple[Dataset, Dataset]:
    """The datasets with the rows of each object by themselves, where objects share parts that only one of the two has.

    So what is compared is the object, whichever share it is in; an object that is in a share in one of them is told apart in both.
    """
    both = {folder(part.key) for part in now.parts} & {folder(part.key) for part in before.parts}
    split_up = [(of, part) for of in (now, before) for part in of.parts if part.source in of.shared and folder(part.key) not in both]
    keys = {key for of, part in split_up for key in of.objects_of(part)}

    def told(of: Dataset, contents: Contents) -> Dataset:
        parts: list[PartRef] = []
        for part in of.parts:
            apart = folder(part.key) not in both and not keys.isdisjoint(of.objects_of(part))
            parts += _of_objects(store, of, part, contents) if apart else [part]
        return replace(of, parts=parts)

    return told(now, objects), told(before, learned)


def _of_objects(store: Store, of: Dataset, part: PartRef, contents: Contents) -> Iterator[PartRef]:
    """The rows of a part by object and unit, under names that say what they are made of."""
    import pyarrow as pa

    keys = of.objects_of(part)
    table = cut.table_of(store, part.key, [UNIT, *([OBJECT] if len(keys) > 1 else [])]).slice(part.first, part.rows)
    if len(keys) == 1:
        table = table.append_column(OBJECT, pa.repeat(pa.scalar(0, pa.int32()), len(table)))
    for found in table.group_by([OBJECT, UNIT]).aggregate([([], "count_all")]).to_pylist():
        key, unit = keys[found[OBJECT]], found[UNIT]
        held = contents.get(key, [key])[-1]
        yield PartRef(f"{of.made_by}-{held}/{unit}", key, part.role, found["count_all"], 0, [unit])


def _late(store: Store, now: Dataset, before: Dataset, objects: Contents, learned: Contents) -> dict[str, int]:
    """By source how many more rows than the champion's data has are not newer than that one's last."""
    if now.unit == "place" or before.unit != now.unit:
        return {}
    same = {key for key in objects.keys() & learned.keys() if objects[key] == learned[key]}
    known = {folder(part.key) for part in before.parts}
    fresh = [part for part in now.parts if folder(part.key) not in known and part.source not in same]
    sources = {part.source for part in fresh}
    here = {folder(part.key) for part in now.parts}
    gone = [part for part in before.parts if part.source in sources and folder(part.key) not in here]

    def units_of(part: PartRef) -> list[int]:
        found: list[int] = cut.table_of(store, part.key, [UNIT]).slice(part.first, part.rows).column(UNIT).to_pylist()
        return found

    end = before.split["test"][1]
    came, went = older(fresh, end, units_of), older(gone, end, units_of)
    more = {source: rows - went.get(source, 0) for source, rows in came.items()}
    return {source: rows for source, rows in more.items() if rows > 0}


def against(now: Dataset, before: Dataset | None, objects: Contents, learned: Contents, late: Mapping[str, int] | None = None) -> Doc:
    """The difference of two datasets and of the objects that they were made of; `late`: rows by source that came in behind the split."""
    rows = {role: {"now": _rows(now.of_role(role))} for role in ROLES}
    if before is None:
        return {"compared": False, "rows": rows, "sentence": "there is no champion whose data it could be compared with"}
    keys: dict[str, list[str]] = {
        "added": sorted(objects.keys() - learned.keys()),
        "changed": sorted(key for key in objects.keys() & learned.keys() if objects[key] != learned[key]),
        "removed": sorted(learned.keys() - objects.keys()),
    }
    remade = _remade(now, before, set(objects) & set(learned) - set(keys["changed"]))
    moved = _moved(now, before, remade)
    for role in ROLES:
        rows[role] |= {"champion": _rows(before.of_role(role)), **{what: moved[what, role] for what in ("added", "removed", "moved")}}
    behind = dict(sorted((late or {}).items()))
    found = {
        "compared": True,
        "objects": {kind: len(keys[kind]) for kind in KINDS},
        "keys": {kind: keys[kind][:SHOWN] for kind in KINDS},
        "rows": rows,
        "units": _touched(now, before, remade),
        "remade": {"objects": len(remade), "rows": _rows(part for part in now.parts if part.source in remade)},
        "late": {"rows": sum(behind.values()), "end": before.split["test"][1], "objects": list(behind)[:SHOWN]},
    }
    return {**found, "sentence": sentence(found, now.unit)}


def _rows(parts: Iterable[PartRef]) -> int:
    return sum(part.rows for part in parts)


def _remade(now: Dataset, before: Dataset, same: set[str]) -> set[str]:
    """Objects whose content is the same and whose parts have other names: the spec or the code makes other rows of them."""
    had: dict[str, set[str]] = defaultdict(set)
    for part in before.parts:
        had[part.source].add(folder(part.key))
    return {part.source for part in now.parts if part.source in same & had.keys() and folder(part.key) not in had[part.source]}


def folder(key: str) -> str:
    """What all parts of one content have in common."""
    return key.rpartition("/")[0]


def _moved(now: Dataset, before: Dataset, remade: set[str]) -> dict[tuple[str, str], int]:
    """(added | removed | moved, role) -> rows. `moved`: rows of both that had another role, or none."""
    here, there = (_by_key(dataset) for dataset in (now, before))
    found: dict[tuple[str, str], int] = defaultdict(int)
    folders = {folder(key) for key in there}
    for key, parts in here.items():
        for part in parts:
            if part.source in remade:
                continue
            kept = sum(_overlap(part, old) for old in there.get(key, []) if old.role == part.role)
            known = folder(key) in folders
            found["moved" if known else "added", part.role] += part.rows - kept
    fresh = {folder(key) for key in here}
    for key, parts in there.items():
        for part in parts:
            if part.source not in remade and folder(key) not in fresh:
                found["removed", part.role] += part.rows
    return found


def _by_key(dataset: Dataset) -> dict[str, list[PartRef]]:
    found: dict[str, list[PartRef]] = defaultdict(list)
    for part in dataset.parts:
        found[part.key].append(part)
    return found


def _overlap(one: PartRef, other: PartRef) -> int:
    return max(0, min(one.first + one.rows, other.first + other.rows) - max(one.first, other.first))


def _touched(now: Dataset, before: Dataset, remade: set[str]) -> Doc | None:
    """The units of rows that only one of the two has; of steps and places none are told."""
    if now.unit not in ("day", "year") or before.unit != now.unit:
        return None
    names = [{folder(part.key) for part in dataset.parts} for dataset in (now, before)]
    parts = [p for p in now.parts if folder(p.key) not in names[1]] + [p for p in before.parts if folder(p.key) not in names[0]]
    units = sorted({unit for part in parts if part.source not in remade for unit in part.units})
    ends = [label(now.unit, unit) for unit in (units[0], units[-1])] if units else [None, None]
    return {"count": len(units), "first": ends[0], "last": ends[1]}


def older(parts: Sequence[PartRef], end: Any, units_of: Any) -> dict[str, int]:
    """Rows by source whose unit is not above `end`. `units_of(part)` gives the unit of each row of a part that has both kinds."""
    last, found = number(end), dict[str, int]()
    for part in parts:
        if part.units[0] > last:
            continue
        rows = part.rows if part.units[-1] <= last else sum(1 for unit in units_of(part) if unit <= last)
        found[part.source] = found.get(part.source, 0) + rows
    return found


def sentence(found: Mapping[str, Any], unit: str) -> str:
    """The difference in one sentence."""
    objects, rows = found["objects"], found["rows"]
    told = [f"{counted(objects[kind], 'object')} {kind}" for kind in KINDS if objects[kind]] or ["the same objects"]
    for what in ("added", "removed"):
        total = sum(of[what] for of in rows.values())
        told += [f"{counted(total, 'row')} {what}"] if total else []
    if found["units"] and found["units"]["count"]:
        told.append(f"{counted(found['units']['count'], unit)} touched, {found['units']['first']} to {found['units']['last']}")
    if found["remade"]["objects"]:
        told.append(f"the rows of {counted(found['remade']['objects'], 'object')} are made anew, because the spec or the code has changed")
    if found["late"]["rows"]:
        told.append(f"{counted(found['late']['rows'], 'row')} older than the split's end of {found['late']['end']} came in")
    return "against the champion's data: " + ", ".join(told)
