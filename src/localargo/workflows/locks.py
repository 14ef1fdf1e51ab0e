"""Decides who gets which lock, from all holders and waiters of one namespace. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Owner = TypeVar("Owner", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Claim(Generic[Owner]):
    """A waiter, which needs all of its locks. `limits` are those of the semaphores (a mutex has 1).

    Nodes of one Workflow have the same `kin` and may overtake each other; None never matches.
    """

    owner: Owner
    locks: Sequence[str]
    limits: Mapping[str, int]
    kin: Hashable = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a claim waits: the first lock that it cannot get, and Argo's message."""

    lock: str
    message: str


def grant(holders: Mapping[str, Sequence[Owner]], waiting: Sequence[Claim[Owner]]) -> tuple[list[Claim[Owner]], dict[Owner, Refusal]]:
    """The claims that get all of their locks now, and why the others do not.

    `waiting` is in the order of the queue (priority, then age). A claim gets all of its locks or none, and overtakes no other claim
    that waits for the same lock, except its kin.
    """
    taken = {lock: list(owners) for lock, owners in holders.items()}
    queued: dict[str, Claim[Owner]] = {}  # the first waiter
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
    """The lock as Argo names it: `<namespace>/Mutex/<name>`, `<namespace>/ConfigMap/<name>/<key>`."""
    kind, namespace, rest = lock.split("/", 2)
    return f"{namespace}/{'ConfigMap' if kind == 'Semaphore' else kind}/{rest}"
