"""Memoization: a template whose key is in the cache is not executed again."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from localargo.clock import seconds, timestamp
from localargo.expressions import ExpressionError
from localargo.expressions.gotext import go_duration
from localargo.ports import Doc
from localargo.workflows.messages import SaveMemo
from localargo.workflows.work import CallFailed, Pass

LABEL = "workflows.argoproj.io/configmap-type"
MALFORMED = "malformed cache entry: could not unmarshal JSON; unable to parse"
KEY = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]*")


def known(p: Pass, memo: Doc) -> Doc | None:
    """The cached outputs under the memo's key; None when there are none, or they are too old.

    Raises CallFailed for an invalid key or age, and for a ConfigMap that is not a cache.
    """
    key, cache = memo.get("key") or "", _cache(memo)
    if not KEY.fullmatch(key):
        raise CallFailed(f"invalid cache key: {key}")
    entry = _entry(p, cache, key)
    max_age = None
    if memo.get("maxAge"):
        try:
            max_age = go_duration(memo["maxAge"])
        except ExpressionError as error:
            raise CallFailed(f"invalid maxAge: {error}") from error
    for action in p.actions.values():  # entries of this pass are not written yet
        if isinstance(action, SaveMemo) and not action.hit and (action.cache, action.memo_key) == (cache, key):
            return action.outputs
    if entry is None or not entry.get("nodeID") or (max_age is not None and p.now - _created(entry) > max_age):
        return None
    outputs: Doc = entry.get("outputs") or {}
    return outputs


def remembered(there: Doc | None, memos: Sequence[SaveMemo], now: float) -> Doc:
    """The ConfigMap of a cache with more entries, as Argo writes them."""
    at = timestamp(now)
    document = there or {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": memos[0].cache, "creationTimestamp": at}}
    data: Doc = dict(document.get("data") or {})
    for memo in memos:
        if memo.hit and memo.memo_key not in data:
            continue  # it was deleted meanwhile
        fresh = {"nodeID": memo.node_id, "outputs": memo.outputs, "creationTimestamp": at}
        entry = json.loads(data[memo.memo_key]) if memo.hit else fresh
        data[memo.memo_key] = json.dumps({**entry, "lastHitTimestamp": at}, separators=(",", ":"), ensure_ascii=False)
    metadata = {**document["metadata"], "labels": {LABEL: "Cache"}}
    return {**document, "metadata": metadata, "data": data}


def _entry(p: Pass, cache: str, key: str) -> Doc | None:
    """The entry of the cache's ConfigMap under the key."""
    document = p.world.configmaps.get(cache)
    if document is None:
        return None
    label = (document["metadata"].get("labels") or {}).get(LABEL)
    if label is None:
        raise CallFailed(f"memoization configmap doesn't have {LABEL} label, refusing to use it")
    if label != "Cache":
        raise CallFailed(f"memoization configmap doesn't have label {LABEL} = Cache, refusing to use it")
    written = (document.get("data") or {}).get(key)
    if not written:
        return None
    try:
        entry = json.loads(written)
    except ValueError as error:
        raise CallFailed(f"{MALFORMED}: invalid character: {error}") from error
    if not isinstance(entry, dict):
        raise CallFailed(f"{MALFORMED}: json: cannot unmarshal {type(entry).__name__} into Go value of type cache.Entry")
    return entry


def _created(entry: Doc) -> float:
    try:
        return seconds(entry["creationTimestamp"])
    except (KeyError, TypeError, ValueError):
        return 0.0


def status(memo: Doc, *, hit: bool) -> Doc:
    """The memoization status of the node."""
    return {"hit": hit, "key": memo.get("key") or "", "cacheName": _cache(memo)}


def answered(p: Pass, node: str, outputs: Doc | None, memo: Doc) -> bool:
    """Apply the cache's answer. Returns whether it was a hit, which ends the node; the cache records the time of a hit."""
    cache, key = _cache(memo), memo.get("key") or ""
    if _entry(p, cache, key) is not None:
        p.act(SaveMemo(node, cache, key, {}, hit=True))  # Argo records it for an entry that is too old as well
    p.set(node, memoizationStatus=status(memo, hit=outputs is not None))
    if outputs is None:
        return False
    p.set(node, outputs=outputs or None, finishedAt=timestamp(p.now))
    p.mark(node, "Succeeded")
    return True


def save(p: Pass, node: str) -> None:
    """Store the outputs of a node that succeeded."""
    doc = p.node(node)
    shown = doc.get("memoizationStatus")
    if shown and not shown["hit"] and doc["phase"] == "Succeeded":
        p.act(SaveMemo(node, shown["cacheName"], shown["key"], doc.get("outputs") or {}))


def _cache(memo: Doc) -> str:
    name: str = ((memo.get("cache") or {}).get("configMap") or {}).get("name") or ""
    return name
