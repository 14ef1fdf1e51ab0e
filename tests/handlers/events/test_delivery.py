"""Events of runs on their way to receivers: each arrives, whatever the receiver answers and wherever the process dies."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event

from handlers import notify
from handlers.events import messages, outbox, told
from handlers.events.post import NotTaken, Slow, post
from handlers.modelspec.model import Notify
from handlers.storage import write_json
from tests.handlers.events.outgoing import KEY, RESULT, TO, VERDICT, Clocked, DyingClocked, ended, entry, keys, known
from tests.handlers.events.receiving import Answer, Receiver, receiving, status
from tests.handlers.stages.dying import Killed

# -------------------------------------------------------------------------------------------------- what arrives


def test_an_event_arrives_signed_and_once(store: Clocked, receiver: Receiver) -> None:
    ended(store)
    notify.deliver(store)
    notify.deliver(store)
    ((path, headers, body),) = receiver.asked
    event = from_http_event(HTTPMessage(headers, body))
    assert (path, event.get_type(), event.get_subject()) == ("/hook", "dev.retrain.model.promoted", "r")
    assert event.get_source() == "/retrain/retrain/models/late"
    data = event.get_data()
    assert isinstance(data, dict)
    assert (data["outcome"], data["metric"], data["test"]["value"], data["difference"]["low"]) == ("promoted", "roc_auc", 0.71, 0.0)
    given = dict(part.split("=") for part in headers["Retrain-Signature"].split(","))
    assert abs(time.time() - int(given["t"])) < 60
    assert given["v1"] == hmac.new(KEY.encode(), f"{given['t']}.".encode() + body, hashlib.sha256).hexdigest()
    assert keys(store, "outbox/") == keys(store, "undelivered/") == []


@pytest.mark.parametrize(
    ("result", "lost", "kinds"),
    [
        ({"outcome": "promoted"}, 0, ["dev.retrain.model.promoted"]),
        ({"outcome": "refused"}, 2, ["dev.retrain.model.refused", "dev.retrain.trials.lost"]),
        ({"outcome": "kept"}, 1, ["dev.retrain.trials.lost"]),
        ({"outcome": "kept"}, 0, []),
        ({"outcome": "failed", "step": "transform", "exit_code": 65}, 0, ["dev.retrain.data.refused"]),
        ({"outcome": "failed", "exit_code": 78}, 0, ["dev.retrain.run.failed"]),
        ({"outcome": "failed"}, 0, ["dev.retrain.run.failed"]),
        ({"outcome": "busy"}, 0, []),
        ({"outcome": "already-trained"}, 0, []),
        ({"outcome": "duplicate"}, 0, []),
    ],
)
def test_what_a_run_comes_to_is_told_by_its_types(
    store: Clocked, receiver: Receiver, result: dict[str, Any], lost: int, kinds: list[str]
) -> None:
    ended(store, lost=lost, **result)
    notify.deliver(store)
    assert sorted(event["type"] for event in receiver.taken) == kinds


def test_who_is_told_of_something_else_is_not_asked(store: Clocked, receiver: Receiver) -> None:
    ended(store, [Notify(to="ops", on=["failed"]), Notify(to="chat", format="slack", on=["promoted"])])
    notify.deliver(store)
    assert [sorted(body) for body in receiver.taken] == [["blocks", "text"]]


# ----------------------------------------------------------------------------- a receiver that does not take it


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (status(500), "it answered 500"),
        (status(404), "it answered 404"),
        (status(302, Location="/elsewhere"), "it answered 302: redirects are not followed"),
        (status(307, Location="http://127.0.0.1:1/"), "it answered 307: redirects are not followed"),
        (lambda request: request.wfile.write(b"nonsense\r\n\r\n"), "it cannot be reached"),
        (lambda request: None, "it cannot be reached"),
    ],
    ids=["500", "404", "redirect", "redirect elsewhere", "no HTTP", "hangs up"],
)
def test_what_is_not_taken_waits_with_the_reason(store: Clocked, receiver: Receiver, answer: Answer, why: str) -> None:
    receiver.answers = lambda _: answer
    ended(store)
    notify.deliver(store)
    kept = entry(store)
    assert (kept["attempts"], kept["next"]) == (1, store.now + outbox.FIRST_WAIT)
    assert why in kept["error"]
    assert receiver.url not in json.dumps(kept)
    assert [path for path, _, _ in receiver.asked] == ["/hook"]
    notify.deliver(store)
    assert len(receiver.asked) == 1, "not before its time"
    store.now += outbox.FIRST_WAIT
    receiver.answers = lambda _: status(200)
    notify.deliver(store)
    assert len(receiver.ids) == 1
    assert keys(store, "outbox/") == []


def test_nobody_listens(store: Clocked, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        known(monkeypatch, ops={"url": f"http://127.0.0.1:{taken.getsockname()[1]}/", "key": KEY})
        ended(store)
        notify.deliver(store)
    assert "it cannot be reached" in entry(store)["error"]


def drip(request: BaseHTTPRequestHandler) -> None:
    """A byte of the answer now and then, for ever."""
    try:
        while True:
            request.wfile.write(b"H")
            request.wfile.flush()
            threading.Event().wait(0.05)
    except OSError:
        pass


def flood(request: BaseHTTPRequestHandler) -> None:
    """An answer of success that never ends."""
    request.send_response(200)
    request.end_headers()
    try:
        while True:
            request.wfile.write(b"x" * 65536)
    except OSError:
        pass


@pytest.mark.parametrize("answer", [drip, lambda request: threading.Event().wait(3)], ids=["drips", "hangs"])
def test_a_receiver_that_does_not_answer_costs_its_time_and_no_more(answer: Answer) -> None:
    with receiving(lambda _: answer) as receiver:
        began = time.monotonic()
        with pytest.raises(Slow):
            post(receiver.url, messages.Message({}, b"{}"), whole=0.4)
        assert time.monotonic() - began < 2


def test_an_answer_without_end_is_not_read() -> None:
    with receiving(lambda _: flood) as receiver:
        post(receiver.url, messages.Message({}, b"{}"))


def test_a_slow_receiver_is_asked_once_a_call_and_holds_up_no_other(
    store: Clocked, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hangs(url: str, message: messages.Message) -> None:
        asked.append(url)
        if url == "http://localhost/slow":
            raise Slow("it does not answer in time")
        post(url, message)

    asked: list[str] = []
    known(monkeypatch, ops={"url": "http://localhost/slow", "key": KEY}, chat={"url": receiver.url})
    monkeypatch.setattr(notify, "post", hangs)
    for n in range(4):
        ended(store, [Notify(to="ops"), Notify(to="chat", format="slack")], run=f"r{n}")
    notify.deliver(store)
    assert asked.count("http://localhost/slow") == 1
    assert len(receiver.taken) == 4


def test_a_call_ends_when_its_time_is_up(store: Clocked, receiver: Receiver) -> None:
    for n in range(4):
        ended(store, run=f"r{n}")
    ticks = iter([0.0, 1.0, 50.0, 61.0])
    notify.deliver(store, clock=lambda: next(ticks))
    assert len(receiver.ids) == 2
    notify.deliver(store)
    assert len(set(receiver.ids)) == len(receiver.ids) == 4


def test_what_nobody_takes_is_given_up_after_days_and_can_be_tried_anew(
    store: Clocked, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver.answers = lambda _: status(503)
    ended(store)
    for _ in range(100):
        store.now += outbox.LONGEST_WAIT
        notify.deliver(store)
    assert keys(store, "outbox/") == []
    assert 12 <= len(receiver.asked) <= 14, "three days, every six hours"
    monkeypatch.setattr(notify, "open_store", lambda: store)
    notify.run(["list"])
    said = f"ops has not been told that run r of late was promoted (promoted): given up after {len(receiver.asked)} attempts"
    assert capsys.readouterr().out == f"{said}, the last: it answered 503.\n"
    receiver.answers = lambda _: status(200)
    notify.run(["again"])
    notify.run(["deliver", "--model", "late"])
    notify.run(["list", "-o", "json"])
    assert json.loads(capsys.readouterr().out) == {"outbox": [], "undelivered": []}
    assert len(receiver.ids) == 1


def test_a_long_sleep_gives_nothing_up_before_it_was_tried(store: Clocked, receiver: Receiver) -> None:
    ended(store)
    store.now += 30 * 86400
    notify.deliver(store)
    assert len(receiver.ids) == 1


# ------------------------------------------------------------------------------ runs that are decided on again


def test_an_event_without_its_result_waits(store: Clocked, receiver: Receiver) -> None:
    outbox.put(store, TO, RESULT, VERDICT, 0)
    notify.deliver(store)
    assert (receiver.asked, entry(store)["attempts"]) == ([], 0)
    write_json(store, "runs/late/r/result.json", RESULT)
    notify.deliver(store)
    assert len(receiver.ids) == 1


def test_an_event_of_a_run_that_never_ends_is_given_up(store: Clocked, receiver: Receiver) -> None:
    outbox.put(store, TO, RESULT, VERDICT, 0)
    store.now += outbox.GIVEN_UP_AFTER
    notify.deliver(store)
    assert receiver.asked == []
    assert outbox.unsent(store, "late", "r") == [
        "ops has not been told that run r of late was promoted (promoted): given up, not tried: run r has not ended."
    ]
    assert outbox.unsent(store, "late", "other") == []


def test_a_decision_that_was_made_again_is_told_as_it_is_now(store: Clocked, receiver: Receiver) -> None:
    outbox.put(store, TO, {**RESULT, "outcome": "refused", "at": 999.0}, VERDICT, 0)
    ended(store)
    notify.deliver(store)
    assert [event["type"] for event in receiver.taken] == ["dev.retrain.model.promoted"]
    assert keys(store, "outbox/") == []


def test_what_a_process_wrote_that_came_too_late_is_dropped(store: Clocked, receiver: Receiver) -> None:
    """Another process of the run was faster, and its result stays."""
    counts = ended(store)
    outbox.put(store, TO, {**RESULT, "at": 1001.0}, VERDICT, 0)
    notify.deliver(store)
    assert (len(receiver.taken), keys(store, "outbox/")) == (1, [])
    outbox.drop(store, outbox.put(store, TO, {**RESULT, "at": 1002.0}, VERDICT, 0), counts)
    assert keys(store, "outbox/") == []
    outbox.drop(store, outbox.put(store, TO, RESULT, VERDICT, 0), counts)
    assert len(keys(store, "outbox/")) == 1, "it may be that of the result that counts"


def test_a_run_that_is_being_decided_on_again_is_waited_for(store: Clocked, receiver: Receiver) -> None:
    write_json(store, "runs/late/r/result.json", {**RESULT, "outcome": "failed", "at": 999.0})
    outbox.put(store, TO, RESULT, VERDICT, 0)
    notify.deliver(store)
    assert receiver.asked == []
    write_json(store, "runs/late/r/result.json", RESULT)
    notify.deliver(store)
    assert len(receiver.ids) == 1


# ---------------------------------------------------------------------------------------------------- crashes


@pytest.mark.parametrize("seed", range(3))
def test_by_a_receiver_that_fails_half_the_time_every_event_arrives(store: Clocked, receiver: Receiver, seed: int) -> None:
    chance = random.Random(seed)

    def fails(_: int) -> Answer:
        how = chance.random()
        return status(204) if how < 0.5 else status(503) if how < 0.75 else (lambda request: None)

    receiver.answers = fails
    outcomes = ["promoted", "refused", "failed", "kept", "busy"]
    expected = set()
    for n in range(12):
        lost = chance.choice([0, 1])
        result = ended(store, run=f"r{n}", outcome=chance.choice(outcomes), lost=lost)
        expected |= {told.event(kind, result, VERDICT, lost)["id"] for kind in told.kinds(result, lost)}
    for _ in range(200):
        notify.deliver(store)
        store.now += outbox.LONGEST_WAIT / 10
        if not keys(store, "outbox/"):
            break
    assert set(receiver.ids) == expected
    assert len(receiver.ids) == len(expected), "each once: no answer was lost"
    assert len(receiver.asked) > len(expected)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_any_write_of_a_delivery_the_event_arrives(store: Clocked, receiver: Receiver, after: bool) -> None:
    writes = 0
    for write in range(1, 20):
        receiver.answers = lambda n: status(503) if n % 2 == 0 else status(204)
        receiver.asked.clear()
        receiver.taken.clear()
        run = f"r{write}"
        ended(store, run=run)
        dying = DyingClocked(store.folder)
        dying.left, dying.after, dying.now = write, after, store.now
        try:
            notify.deliver(dying)
        except Killed:
            writes += 1
        while keys(store, "outbox/"):
            store.now += outbox.LONGEST_WAIT
            notify.deliver(store)
        assert set(receiver.ids) == {told.event("promoted", {**RESULT, "run": run}, VERDICT, 0)["id"]}
    assert writes == 2, "the attempt, and why it came to nothing"


def test_killed_between_the_answer_and_its_record_the_event_arrives_again_with_its_id(
    store: Clocked, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended(store)

    def dies(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(outbox, "delivered", dies)
        with pytest.raises(Killed):
            notify.deliver(store)
    store.now += outbox.FIRST_WAIT
    notify.deliver(store)
    assert len(receiver.ids) == 2
    assert len(set(receiver.ids)) == 1


def test_two_that_deliver_at_once_send_an_event_once(store: Clocked, receiver: Receiver) -> None:
    for n in range(20):
        ended(store, run=f"r{n}")
    both = [threading.Thread(target=notify.deliver, args=(store,)) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert len(receiver.ids) == len(set(receiver.ids)) == 20


def test_it_is_not_taken_is_no_error_of_the_step(store: Clocked, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    receiver.answers = lambda _: status(500)
    ended(store)
    monkeypatch.setattr(notify, "open_store", lambda: store)
    notify.run(["deliver"])
    with pytest.raises(NotTaken):
        post(receiver.url, messages.Message({}, b"{}"))
