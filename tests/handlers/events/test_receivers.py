"""Who a receiver may be, and what it is sent."""

from __future__ import annotations

import json

import pytest

from handlers import notify
from handlers.events import messages, receivers, told
from handlers.events.receivers import NoReceiver
from handlers.modelspec.model import Notify
from tests.handlers.events.outgoing import KEY, RESULT, Clocked, ended, entry, known
from tests.handlers.events.receiving import Receiver

# ------------------------------------------------------------------------------------------------------ slack


def test_a_slack_message_is_sentences_that_ring_nobody(store: Clocked, receiver: Receiver) -> None:
    ended(store, [Notify(to="chat", format="slack")], lost=1, reason="column <!channel> & <@U1> has no value")
    notify.deliver(store)
    first, second = sorted(receiver.taken, key=lambda body: "lost" in body["text"].splitlines()[0])
    assert first["text"].splitlines() == [
        "late has a new champion. column &lt;!channel&gt; &amp; &lt;@U1&gt; has no value.",
        "roc_auc on test: 0.71 (95 % interval 0.7 to 0.72), better than the champion's by 0.01 (95 % interval 0 to 0.02).",
        "Trial t (alpha=0.1).",
        "1 trial of 2 lost.",
    ]
    assert first["blocks"][1]["elements"][0]["text"] == "Run r, report: runs/late/r/report.html in the bucket"
    assert second["text"].startswith("A run of late has lost trials.")


def test_a_slack_message_of_any_length_is_one_that_slack_takes() -> None:
    event = told.event("failed", {**RESULT, "outcome": "failed", "reason": "<" * 9000}, {}, 0)
    body = json.loads(messages.slack(event, "failed").body)
    texts = [body["text"], body["blocks"][0]["text"]["text"], body["blocks"][1]["elements"][0]["text"]]
    assert max(map(len, texts)) <= 3000


# ------------------------------------------------------------------------------------------------ the Secret


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "there is no receiver 'ops'"),
        ("{", "is not JSON"),
        ("[]", "must be an object"),
        ('{"ops": "https://x/"}', "must be"),
        ('{"ops": {"url": "https://x/"}}', "needs a `key` of at least 16 characters"),
        ('{"ops": {"url": "https://x/", "key": "short"}}', "needs a `key`"),
        ('{"ops": {"url": "https://x/", "keys": "0123456789abcdef"}}', "unknown key 'keys'"),
        ('{"ops": {"url": "http://example.com/", "key": "0123456789abcdef"}}', "begins with http://"),
        ('{"ops": {"url": "http://127.0.0.1.example.com/", "key": "0123456789abcdef"}}', "begins with http://"),
        ('{"ops": {"url": "http://10.0.0.1/", "key": "0123456789abcdef"}}', "begins with http://"),
        ('{"ops": {"url": "file:///etc/passwd", "key": "0123456789abcdef"}}', "names no host"),
        ('{"ops": {"url": "https://user:pass@example.com/", "key": "0123456789abcdef"}}', "has a user name"),
        ('{"ops": {"url": "https://example.com:x/", "key": "0123456789abcdef"}}', "cannot be read"),
        ('{"ops": {"url": "https://exa mple.com/", "key": "0123456789abcdef"}}', "has blanks"),
        ('{"ops": {"url": "https://[::1", "key": "0123456789abcdef"}}', "cannot be read"),
        ('{"ops": {"url": "//example.com/", "key": "0123456789abcdef"}}', "no scheme"),
    ],
)
def test_a_receiver_that_may_not_be_asked_is_refused_and_its_event_waits(
    store: Clocked, monkeypatch: pytest.MonkeyPatch, text: str, why: str
) -> None:
    monkeypatch.setenv("RETRAIN_NOTIFY", text)
    with pytest.raises(NoReceiver, match=why.replace("(", r"\(")) as refused:
        receivers.receiver("ops", "cloudevents")
    assert "pass" not in str(refused.value)
    ended(store)
    notify.deliver(store)
    assert entry(store)["error"] == str(refused.value)


@pytest.mark.parametrize("url", ["https://example.com", "https://example.com:8443/a?b=c", "http://localhost:1/", "http://[::1]:1/x"])
def test_https_and_this_machine_are_accepted(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    known(monkeypatch, ops={"url": url, "key": KEY}, chat={"url": url})
    assert receivers.receiver("ops", "cloudevents").url == receivers.receiver("chat", "slack").url == url
    assert KEY not in repr(receivers.receiver("ops", "cloudevents"))


def test_another_key_makes_another_signature() -> None:
    assert messages.signature(b"{}", KEY, 1) != messages.signature(b"{}", KEY[::-1], 1)
    assert messages.signature(b"{}", KEY, 1) != messages.signature(b"{}", KEY, 2)
