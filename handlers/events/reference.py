"""The page docs/reference/events.md, from the code itself: `python -m handlers.events.reference` prints it."""

from __future__ import annotations

from collections.abc import Iterator

from handlers.events import outbox
from handlers.events.messages import SIGNATURE
from handlers.events.told import KINDS, Data, Value

HEAD = """# Events of runs

`python -m handlers.events.reference > docs/reference/events.md` writes this page. How to be told:
[notifications](../howto/notifications.md).

A run tells of its end by CloudEvents 1.0, to the receivers that its model's spec names under [`notify`](model-spec.md).

## Types

| `notify.on` | type | when |
|---|---|---|
"""

AFTER_TYPES = """
A run tells one of the first four, or none: nothing is told of a run that decided nothing (its data was trained already, it joined
another run, it was put off), or whose winner is the champion itself. `lost-trials` comes beside the decision; a run that lost all
its trials has failed.

## Attributes

| attribute | value |
|---|---|
| `id` | names the event: the digest of `source`, the run and the type. Sent again, it is the same |
| `source` | `/retrain/<bucket>/models/<model>` |
| `subject` | the run |
| `time` | when the run ended, by the bucket's clock |
| `datacontenttype` | `application/json` |

## Data

The same fields for every type; null where a run has not come to it. New fields may be added; none changes its meaning.

| field | meaning |
|---|---|
"""

REST = """
## Delivery

An event is sent by POST in structured mode (`application/cloudevents+json`), so that the signature covers all of it. Any status
of 200 to 299 takes it. A receiver has {seconds:g} seconds; redirects are not followed; of the answer nothing but the status is
read.

* **At least once.** The event is in the bucket, `outbox/<model>/`, before the run's result is. It is removed when its receiver
  has taken it. Whoever dies in between, it is sent again, with the same id: a receiver drops an id that it has seen. Events may
  come in any order; `time` says which is newer.
* **Only what was decided.** What is sent is what the run's `result.json` says. Of a run that was decided on again, what was not
  delivered yet is dropped. A failed run that is tried again and fails again sends the same id again.
* **Tried again** after {first:g} seconds, then after twice as long each time, up to {longest:g} hours; by the end of the model's
  next run, or by the next tick of `heal`. After {days:g} days and at least {fewest} attempts it is moved to
  `undelivered/<model>/`, with the reason of the last one.
* **Beside the training.** Events are sent by a step of its own in the exit handler, when the model's claim is released. Whatever
  a receiver does, the run succeeds or fails as it would without it.

## Signature

`{signature}: t=<seconds since 1970>,v1=<hex>`: the HMAC-SHA256, by the receiver's key, over `<seconds>`, a full stop and the
body. Each attempt is signed anew. A receiver compares in constant time and refuses what is older than some minutes.

## Slack's format

With `format: slack` the body is `{{"text": ..., "blocks": [...]}}`: sentences about model, run, metric, difference and where the
report is. It is not signed: the address is the secret. Such a service drops no double; one comes only where the step was killed
between the answer and its record.
"""


def page() -> str:
    """Every type, every field, and the rules of delivery."""
    from handlers.events.post import WHOLE_SECONDS

    rest = REST.format(
        seconds=WHOLE_SECONDS,
        first=outbox.FIRST_WAIT,
        longest=outbox.LONGEST_WAIT / 3600,
        days=outbox.GIVEN_UP_AFTER / 86400,
        fewest=outbox.FEWEST_ATTEMPTS,
        signature=SIGNATURE,
    )
    return HEAD + "".join(_types()) + AFTER_TYPES + "".join(_fields()) + rest


def _types() -> Iterator[str]:
    for name, kind in KINDS.items():
        yield f"| `{name}` | `{kind.type}` | {kind.when} |\n"


def _fields() -> Iterator[str]:
    for name, field in Data.model_fields.items():
        yield f"| `{name}` | {field.description} |\n"
        if name in ("test", "difference"):
            for part, about in Value.model_fields.items():
                yield f"| `{name}.{part}` | {about.description or 'the value'} |\n"


if __name__ == "__main__":
    print(page(), end="")
