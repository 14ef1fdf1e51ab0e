"""The memo: a template whose key is known to the cache is not executed again."""

from __future__ import annotations

import re

from retrain.clock import timestamp
from retrain.expressions import ExpressionError
from retrain.expressions.gotext import go_duration
from retrain.ports import Doc
from retrain.workflows.messages import AskMemo, SaveMemo
from retrain.workflows.work import CallFailed, Pass

KEY = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]*")


def question(node: str, memo: Doc) -> AskMemo:
    """What the cache is asked before the node is executed. Raises CallFailed for a key or an age that cannot be."""
    key = memo.get("key") or ""
    if not KEY.fullmatch(key):
        raise CallFailed(f"invalid cache key: {key}")
    max_age = None
    if memo.get("maxAge"):
        try:
            max_age = go_duration(memo["maxAge"])
        except ExpressionError as error:
            raise CallFailed(f"invalid maxAge: {error}") from error
    return AskMemo(node, _cache(memo), key, max_age)


def status(memo: Doc, *, hit: bool) -> Doc:
    """What the node shows of its memo."""
    return {"hit": hit, "key": memo.get("key") or "", "cacheName": _cache(memo)}


def answered(p: Pass, node: str, outputs: Doc | None, memo: Doc) -> bool:
    """Take the cache's answer over; whether it was a hit, which ends the node."""
    p.set(node, memoizationStatus=status(memo, hit=outputs is not None))
    if outputs is None:
        return False
    p.set(node, outputs=outputs or None, finishedAt=timestamp(p.now))
    p.keep(node, stage=None)
    p.mark(node, "Succeeded")
    return True


def save(p: Pass, node: str) -> None:
    """Remember the outputs of a node that succeeded."""
    doc = p.node(node)
    shown = doc.get("memoizationStatus")
    if shown and not shown["hit"] and doc["phase"] == "Succeeded":
        p.act(SaveMemo(node, shown["cacheName"], shown["key"], doc.get("outputs") or {}))


def _cache(memo: Doc) -> str:
    name: str = ((memo.get("cache") or {}).get("configMap") or {}).get("name") or ""
    return name
