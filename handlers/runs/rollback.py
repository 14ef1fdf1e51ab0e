"""A person's way back to an earlier champion: one more entry of the history, so that nothing is rewritten and everybody sees it.

What the data has trained stays trained: the next run compares with the champion that is back when there is something new to learn.
"""

from __future__ import annotations

from handlers.contracts import WrongUsage
from handlers.runs import champion as champions
from handlers.runs.champion import Overtaken, Record
from handlers.storage import Store

OWN = ("number", "predecessor", "at")  # what each entry of the history has of its own


def back(store: Store, model: str, number: int, reason: str) -> Record:
    """Make champion `number` the champion again; its new entry. Raises WrongUsage where that cannot be."""
    if not reason.strip():
        raise WrongUsage("--reason is empty: say why, the history keeps it")
    pointer, champion = champions.needed(store, model)
    earlier = champions.entry(store, model, number)
    if earlier is None or number > pointer.number:
        raise WrongUsage(f"{model} has had champions 1 to {pointer.number}, not {number}: `retrain history {model}` lists them")
    if earlier["trial"] == champion["trial"]:
        raise WrongUsage(f"{model}@{number} is the champion now")
    kept = {name: value for name, value in earlier.items() if name not in OWN}
    try:
        return champions.change(store, model, pointer, {**kept, "kind": "rollback", "of": number, "reason": reason.strip()})
    except Overtaken as why:
        raise WrongUsage(f"{why} meanwhile: look at `retrain history {model}`, and roll back again if you still want to") from why
