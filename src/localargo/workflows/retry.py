"""retryStrategy: attempts below a Retry node, one after the other, until one succeeds or the strategy stops."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from localargo.clock import seconds, timestamp
from localargo.expressions import ExpressionError, exprlang
from localargo.expressions.gotext import argo_duration, format_number
from localargo.expressions.tags import explode
from localargo.ports import Doc
from localargo.workflows import deadlines
from localargo.workflows.index import BAD, FULFILLED
from localargo.workflows.resolve import retry_strategy
from localargo.workflows.status import text
from localargo.workflows.work import Blocked, Call, CallFailed, Pass

POLICIES = ("Always", "OnError", "OnFailure", "OnTransientError")
TRANSIENT = (  # what Argo treats as a transient error, anywhere in a node's message
    "unexpected error when reading response body",
    "stream error when reading response body",
    "Connection closed by foreign host",
    "net/http: TLS handshake timeout",
    "i/o timeout",
    "connection timed out",
    "connection reset by peer",
    "http2: client connection lost",
    "http2: server sent GOAWAY and closed the connection",
    "request did not complete within requested timeout",
    "connect: connection refused",
    "invalid connection",
    "client rate limiter Wait returned an error",
    "etcdserver: leader changed",
    "etcdserver: request timed out",
    "etcdserver: too many requests",
    "upper: no more rows in",
)


def attempts(p: Pass, node: str) -> list[str]:
    """The attempts so far, oldest first."""
    return [c for c in p.children(node) if p.priv(c).get("role") == "attempt"]


def variables(p: Pass, node: str) -> dict[str, str | None]:
    """The variables `retries` and `lastRetry.*` of an attempt's template."""
    parent = p.priv(node)["owner"]
    made = attempts(p, parent)
    number = made.index(node) if node in made else len(made)
    return _variables(p, number, made[number - 1] if number else None)


def _variables(p: Pass, number: int, last: str | None) -> dict[str, str | None]:
    found: dict[str, str | None] = {
        "retries": str(number),
        "lastRetry.exitCode": "0",
        "lastRetry.duration": "0",
        "lastRetry.status": "",
        "lastRetry.message": "",
    }
    if last is not None:
        found.update(_of_last(p, last, "0"))
    return found


def _of_last(p: Pass, last: str, exit_code: str) -> dict[str, str | None]:
    doc = p.node(last)
    return {
        "lastRetry.exitCode": (doc.get("outputs") or {}).get("exitCode") or exit_code,
        "lastRetry.duration": format_number(_lasted(doc)),
        "lastRetry.status": doc["phase"],
        "lastRetry.message": doc.get("message") or "",
    }


def _lasted(doc: Doc) -> float:
    return seconds(doc["finishedAt"]) - seconds(doc["startedAt"]) if doc.get("finishedAt") and doc.get("startedAt") else 0.0


def attempt(p: Pass, node: str) -> None:
    """Start the next attempt. Errors are shown on the attempt's node; unless errors are retried, CallFailed is raised."""
    from localargo.workflows.execute import check_place, reprocess_attempt, run

    doc, private = p.node(node), p.priv(node)
    made = attempts(p, node)
    label = private.get("label")
    call = Call(
        name=f"{doc['name']}({len(made)})",
        holder=_holder(doc, private),
        base=doc["templateScope"],
        arguments={},
        owner=node,
        role="attempt",
        boundary=doc.get("boundaryID", ""),
        flag={**(doc.get("nodeFlag") or {}), "retried": True},
        on_exit=bool(private.get("onExit")),
        label=(label[0], label[1]) if label else None,
        depth=private.get("depth", 1),
    )
    if made:
        try:
            check_place(p, replace(call, boundary=""))
        except Blocked:
            p.index.blocked[node] = None
            return
    try:
        template, arguments = reprocess_attempt(p, node, call, _variables(p, len(made), made[-1] if made else None))
    except CallFailed as error:
        child = p.create(call, "Skipped", "Error", str(error))
        p.link(node, child, new=True)
        p.fail(node, str(error))
        raise CallFailed(str(error), node) from error
    p.link(node, p.id(call.name), new=True)
    if p.reused(p.id(call.name)):
        p.adopt(call)
        p.look(node)
        return
    try:
        run(p, call, None, template, arguments)
    except CallFailed as error:
        if _policy(retry_strategy(p, template) or {}) == "OnFailure":
            p.fail(node, str(error))
            raise CallFailed(str(error), node) from error


def _holder(doc: Doc, private: Doc) -> Doc:
    found = {"template": doc.get("templateName"), "templateRef": doc.get("templateRef"), "inline": private.get("inline")}
    return {k: v for k, v in found.items() if v}


def assess(p: Pass, node: str) -> None:
    """Assess the last attempt: the node ends, waits, or tries again."""
    from localargo.workflows.execute import strategy_of

    doc = p.node(node)
    if doc["phase"] in FULFILLED or p.priv(node).get("stage"):
        return
    verdict = p.priv(node).get("verdict")
    if verdict:
        p.mark(node, *verdict)
        return
    made = attempts(p, node)
    if not made:
        _go_on(p, node)
        return
    if not p.fulfilled(made[-1]):
        return
    try:
        verdict = _judge(p, node, strategy_of(p, node), made)
    except (CallFailed, ExpressionError) as error:
        p.fail(node, str(error))
        return
    if verdict is None:
        if p.priv(node).get("wake") is None:
            _go_on(p, node)
        return
    phase, message = verdict
    _outputs(p, node, made[-1])
    if p.shutdown and not p.ended_below(node):  # a pod must still stop
        p.keep(node, verdict=[phase, message])
        _go_on(p, node)  # Argo shows one more attempt, which is stopped at once
        p.look(node)
        return
    p.mark(node, phase, message)


def _go_on(p: Pass, node: str) -> None:
    with suppress(CallFailed):  # the Retry node shows the error
        attempt(p, node)


def _outputs(p: Pass, node: str, last: str) -> None:
    outputs = p.node(last).get("outputs")
    if outputs:
        p.set(node, outputs=outputs)


def _judge(p: Pass, node: str, strategy: Doc, made: list[str]) -> tuple[str, str] | None:
    """The node's phase and message if it ends, else None (with `wake` set while it waits)."""
    last = p.node(made[-1])
    phase, message = last["phase"], last.get("message") or ""
    if phase not in BAD:
        return "Succeeded", p.node(node).get("message") or ""
    if p.shutdown:
        return phase, f"Stopped with strategy '{p.shutdown}'"
    if deadlines.is_over(p) and not p.priv(node).get("onExit"):
        return phase, f"retry exceeded workflow deadline {_utc(p.hidden['deadline'])}"
    stopped = _backoff(p, node, strategy, made)
    if stopped:
        return phase, stopped
    if p.priv(node).get("wake") is not None:
        return None
    if not _policy_allows(strategy, phase, message):
        return phase, message
    limit = _limit(strategy)
    if limit is not None and len(made) > limit:
        return phase, "No more retries left"
    expression = strategy.get("expression")
    if expression:
        scope = {"retries": str(len(made) - 1), **_of_last(p, made[-1], "-1")}
        if not exprlang.holds(expression, explode(scope)):
            return phase, "retryStrategy.expression evaluated to false"
    return None


def _policy_allows(strategy: Doc, phase: str, message: str) -> bool:
    policy = _policy(strategy)
    if policy not in POLICIES:
        raise CallFailed(f"{policy} is not a valid RetryPolicy")
    if policy == "OnTransientError":
        return any(words in message for words in TRANSIENT)
    return policy == "Always" or policy == ("OnFailure" if phase == "Failed" else "OnError")


def _policy(strategy: Doc) -> str:
    return str(strategy.get("retryPolicy") or ("Always" if strategy.get("expression") else "OnFailure"))


def _limit(strategy: Doc) -> int | None:
    return None if strategy.get("limit") is None else _integer(strategy["limit"])


def _integer(value: Any) -> int:
    try:
        return int(text(value))
    except ValueError:
        raise CallFailed(f"value '{text(value)}' cannot be resolved to an int") from None


def _backoff(p: Pass, node: str, strategy: Doc, made: list[str]) -> str:
    """Wait as long as the strategy says (private `wake`). Returns why it cannot wait, or nothing."""
    backoff = strategy.get("backoff")
    if backoff is None:
        return ""
    until = None
    if backoff.get("maxDuration"):
        until = p.priv(made[0])["at"] + _duration(backoff["maxDuration"])
        if p.now > until:
            return "Max duration limit exceeded"
    if not backoff.get("duration"):
        raise CallFailed("no base duration specified for retryStrategy")
    wait = _duration(backoff["duration"])
    factor = _integer(backoff["factor"]) if backoff.get("factor") is not None else 0
    if factor > 0:
        wait = min(wait * float(factor) ** (len(made) - 1), 9.2e9)
    if backoff.get("cap"):
        wait = min(wait, _duration(backoff["cap"]))
    ends = p.priv(made[-1]).get("end", p.now) + wait
    if until is not None and ends > until:
        return "Backoff would exceed max duration limit"
    limit = _limit(strategy)
    if p.now < ends and limit is not None and len(made) <= limit:
        p.keep(node, wake=ends)
        p.set(node, message=f"Backoff for {humanized(wait)}")
        return ""
    p.keep(node, wake=None, until=until)
    p.set(node, message=None)
    return ""


def _duration(value: Any) -> float:
    try:
        return argo_duration(text(value))
    except ExpressionError as error:
        raise CallFailed(str(error)) from error


def humanized(duration: float) -> str:
    """A duration in Argo's words, from a minute on in two units of which the second is always a plural: `1 minute 0 seconds`."""
    whole = int(duration)
    if whole < 60:
        return _counted(whole, "second")
    if whole < 3600:
        return f"{_counted(whole // 60, 'minute')} {whole % 60} seconds"
    if whole < 86400:
        return f"{_counted(whole // 3600, 'hour')} {whole // 60 % 60} minutes"
    return f"{_counted(whole // 86400, 'day')} {whole // 3600 % 24} hours"


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}{'s' if count != 1 else ''}"


def _utc(moment: float) -> str:
    return timestamp(moment).replace("T", " ").replace("Z", " +0000 UTC")
