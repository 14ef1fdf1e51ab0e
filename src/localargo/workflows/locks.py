"""Who gets which lock: a pure decision over all who hold and all who wait in one namespace."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Owner = TypeVar("Owner", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Claim(Generic[Owner]):
    """One that waits for all of its locks. `limits` are those of the semaphores (a mutex has 1).

    Nodes of one Workflow have the same `kin` and pass each other; None is nobody's kin.
    """

    owner: Owner
    locks: Sequence[str]
    limits: Mapping[str, int]
    kin: Hashable = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a claim waits: the first lock that it cannot have, and Argo's message."""

    lock: str
    message: str


def grant(holders: Mapping[str, Sequence[Owner]], waiting: Sequence[Claim[Owner]]) -> tuple[list[Claim[Owner]], dict[Owner, Refusal]]:
    """Who may have all of its locks now, and why the others may not.

    `waiting` stands in the order of the queue (priority, then age). A claim takes all of its locks or none, and no one passes another
    that waits for the same lock but its kin.
    """
    taken = {lock: list(owners) for lock, owners in holders.items()}
    queued: dict[str, Claim[Owner]] = {}  # who is first of those that wait
    given: list[Claim[Owner]] = []
    refused: dict[Owner, Refusal] = {}
    for claim in waiting:
        refusal = None
        for lock in claim.locks:
            has = taken.get(lock, [])
            limit = claim.limits.get(lock, 1)
            if claim.owner in has:
                continue
            first = queued.get(lock)
            if len(has) >= limit or (first is not None and (claim.kin is None or first.kin != claim.kin)):
                refusal = Refusal(lock, f"Waiting for {shown(lock)} lock. Lock status: {limit - len(has)}/{limit}")
                break
        if refusal is not None:
            for lock in claim.locks:
                queued.setdefault(lock, claim)
            refused[claim.owner] = refusal
            continue
        for lock in claim.locks:
            owners = taken.setdefault(lock, [])
            if claim.owner not in owners:
                owners.append(claim.owner)
        given.append(claim)
    return given, refused


def shown(lock: str) -> str:
    """As Argo names it: `<namespace>/Mutex/<name>`, `<namespace>/ConfigMap/<name>/<key>`."""
    kind, namespace, rest = lock.split("/", 2)
    return f"{namespace}/{'ConfigMap' if kind == 'Semaphore' else kind}/{rest}"
