"""A run that failed and is tried again: the steps that are repeated find its old result, and that it let go of its claim."""

from __future__ import annotations

from handlers.contracts import GaveUp
from handlers.runs import claim, requests
from handlers.storage import Store


def again(store: Store, model: str, run: str) -> bool:
    """Whether the run has failed before; it then holds the model's claim again. Raises GaveUp while another run holds it."""
    result = requests.result(store, model, run)
    if result is None or result["outcome"] != "failed":
        return False
    request = requests.read(store, model, run) or {}
    holder = claim.take(store, model, run, {"run": run, "digest": request.get("digest")})
    if holder:
        raise GaveUp(f"run {holder} is training this model; another run follows it and takes the data as it is then")
    return True
