"""What a handler promises to the workflow that runs it: exit codes, one JSON line per fact, outputs as files, events as data."""

from __future__ import annotations

import base64
import binascii
import errno
import json
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from handlers import failures, preempted
from handlers.errors import (
    SIGTERM_EXIT,
    BadData,
    BadSpec,
    GaveUp,
    HandlerError,
    Stopped,
    Superseded,
    TryAgain,
    WrongUsage,
    counted,
    shown,
)
from handlers.storage import BucketRefused, Temporary

__all__ = [
    "INSTANT",
    "MODEL_NAME",
    "OUT_OF_MEMORY",
    "SIGTERM_EXIT",
    "BadData",
    "BadSpec",
    "EventContext",
    "GaveUp",
    "HandlerError",
    "RetrainRequest",
    "Stopped",
    "Superseded",
    "TryAgain",
    "Writer",
    "WrongUsage",
    "counted",
    "decoded",
    "instant",
    "json_argument",
    "json_items",
    "log",
    "logged_by",
    "long_argument",
    "main",
    "moment_of",
    "shown",
    "write_output",
]

MODEL_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")
INSTANT = "%Y-%m-%dT%H:%M:%SZ"
OUT_OF_MEMORY = "out of memory"  # of RETRAIN_LAST, in workflowtemplates/step.yaml
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FULL_WORDS = ("No space left on device", "File too large", "Disk quota exceeded")


def _json_line(event: str, facts: Mapping[str, Any]) -> None:
    line = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "event": event, **facts}
    with suppress(OSError):  # a full disk under the log ends no step
        print(json.dumps(line, ensure_ascii=False, default=str), file=sys.stderr, flush=True)


Writer = Callable[[str, Mapping[str, Any]], None]
_writers: list[Writer] = [_json_line]


def log(event: str, **facts: Any) -> None:
    """One fact: a JSON line on standard error, unless `logged_by` says otherwise."""
    _writers[-1](event, facts)


@contextmanager
def logged_by(writer: Writer) -> Iterator[None]:
    """Send facts to `writer` for as long as this lasts, for example to show them to a person at a terminal."""
    _writers.append(writer)
    try:
        yield
    finally:
        _writers.pop()


def main(run: Callable[[list[str]], None], arguments: list[str] | None = None, *, sized: bool = False) -> None:
    """Run a handler and end the process with the exit code of the contract.

    Why a run's step failed is kept in the bucket (`handlers.failures`). SIGTERM ends it with 143 unless the handler has a way of its
    own to save its state. A step whose last attempt was killed for its memory gives up, unless a spec can give it more (`sized`): then
    the handler decides (`handlers.runs.memory`).
    """
    signal.signal(signal.SIGTERM, _terminated)
    words = sys.argv[1:] if arguments is None else arguments
    try:
        preempted.begin()
        if os.environ.get("RETRAIN_LAST") == OUT_OF_MEMORY and not sized:
            step = Path(sys.argv[0]).stem
            raise GaveUp(
                f"step {step} ran out of memory: raise resources.{step}.memory where the spec takes it, or its limit in workflowtemplates/"
            )
        run(words)
    except HandlerError as error:
        _fail(words, error, str(error), error.exit_code)
    except BucketRefused as error:
        _fail(words, error, str(error), WrongUsage.exit_code)
    except (Temporary, ConnectionError, TimeoutError) as error:
        _fail(words, error, f"the bucket could not be reached: {error}", TryAgain.exit_code)
    except Exception as error:
        if full := no_space(error):
            _fail(words, error, full, TryAgain.exit_code)
        failures.keep(words, type(error).__name__, f"{type(error).__name__}: {error}", 1)
        raise
    except KeyboardInterrupt:
        sys.exit(130)


def no_space(error: Exception) -> str:
    """What to do about an error that says that a disk is full; "" of any other. DuckDB says so in words alone."""
    full = getattr(error, "errno", None) in FULL or any(words in str(error) for words in FULL_WORDS)
    where = getattr(error, "filename", None) or tempfile.gettempdir()
    return f"there is no space left for scratch files ({where}): {error}; free some space, and the step is tried again" if full else ""


def _fail(words: list[str], error: Exception, message: str, exit_code: int) -> NoReturn:
    """Say why, to the log and to the bucket, and end. Being asked to stop is no reason: the step goes on elsewhere."""
    log("failed", error=type(error).__name__, message=message, exit_code=exit_code)
    not_kept = failures.keep(words, type(error).__name__, message, exit_code) if exit_code != SIGTERM_EXIT else ""
    if not_kept:
        log("reason not kept in the bucket", why=not_kept)
    sys.exit(exit_code)


def _terminated(_signal: int, _frame: Any) -> None:
    raise Stopped("asked to stop; nothing had to be saved")


def moment_of(text: str, what: str) -> float:
    """Seconds since 1970 of "2026-03-01T00:00:00Z"; BadData begins with `what`."""
    try:
        return datetime.strptime(text, INSTANT).replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise BadData(f"{what} is {shown(text)}; accepted: an instant such as 2026-03-01T00:00:00Z") from None


def instant(at: float | None) -> str:
    """ "2013-04-30 06:15:02 UTC" of seconds since 1970."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if at is not None else "an unknown time"


def write_output(path: str | None, text: str) -> None:
    """Write an output parameter where the workflow reads it; nothing when no path was given."""
    if not path:
        return
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(target)


def long_argument(text: str, option: str) -> str:
    """An argument's whole text: what is longer than the kernel takes (128 KiB) is passed by Argo as `@` and the path of a file."""
    if not text.startswith("@/"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except OSError as error:
        raise WrongUsage(f"{option}: {text[1:]} cannot be read ({error.strerror})") from error


def json_argument(text: str, option: str) -> Any:
    """The JSON of a parameter; an engine may have wrapped it in a JSON string once more. WrongUsage names the option."""
    found: Any = long_argument(text, option)
    for _ in range(2):
        if isinstance(found, str):
            try:
                found = json.loads(found)
            except ValueError as error:
                raise WrongUsage(f"{option}: not JSON ({error})") from error
    return found


def json_items(text: str, option: str) -> list[dict[str, Any]]:
    """A list of objects; an item may be JSON in a string, as a workflow engine passes results."""
    items = json_argument(text or "[]", option)
    return [json_argument(item, option) if isinstance(item, str) else dict(item) for item in items]


def decoded(text: str, what: str) -> Mapping[str, Any]:
    """The JSON object of base64; empty text is an empty one."""
    if not text.strip():
        return {}
    try:
        found = json.loads(base64.b64decode(text, validate=True))
    except (binascii.Error, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise BadData(f"{what} is not base64 of JSON: {error}") from error
    if not isinstance(found, Mapping):
        raise BadData(f"{what} must be a JSON object, not {type(found).__name__}")
    return found


@dataclass(frozen=True, slots=True)
class RetrainRequest:
    """What an event asks for. Every source's event has this one shape; fields that a source does not know are empty.

    `now`: not empty when the run may train whatever `trigger` says (`retrain submit --now`); `reason` says why. No Sensor passes it on.
    `source` is the way in; `id`, `type` and `sender` are a CloudEvent's, whose source its sender is. `as_of`
    asks for a past state of the data, of which nothing is promoted unless `promote` is "yes".
    """

    model: str = ""
    key: str = ""
    etag: str = ""
    time: str = ""
    reason: str = ""
    source: str = ""
    now: str = ""
    id: str = ""
    type: str = ""
    sender: str = ""
    as_of: str = ""
    promote: str = ""

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> RetrainRequest:
        """From an event's fields; others are left out. Raises BadData where one is not text, or the model's is no name."""
        fields = _texts(event, cls.__dataclass_fields__, "the event")
        if fields["now"] and not fields["reason"].strip():
            raise BadData("the event's reason is empty: who sets `now` says why")
        if fields["model"] and not MODEL_NAME.fullmatch(fields["model"]):
            raise BadData(
                f"the event's model {fields['model'][:80]!r} is not a model name; accepted: at most 40 characters of a-z, 0-9 and -"
            )
        if fields["as_of"]:
            moment_of(fields["as_of"], "the event's as_of")
        if fields["promote"] not in ("", "yes"):
            raise BadData(f"the event's promote is {shown(fields['promote'])}; accepted: yes, or nothing")
        return cls(**fields)

    @property
    def promotes(self) -> bool:
        """Whether the run may move the champion's pointer."""
        return not self.as_of or self.promote == "yes"

    @property
    def moment(self) -> float | None:
        """The past moment whose state is asked for, in seconds since 1970; None for the present."""
        return moment_of(self.as_of, "the event's as_of") if self.as_of else None


@dataclass(frozen=True, slots=True)
class EventContext:
    """Which event of the bus it was. `source` is the EventSource and `subject` its event, as Argo Events has them; empty for no event."""

    id: str = ""
    source: str = ""
    type: str = ""
    subject: str = ""
    time: str = ""

    @classmethod
    def of(cls, context: Mapping[str, Any]) -> EventContext:
        """From an event's context; other fields are left out. Raises BadData where one is not text."""
        return cls(**_texts(context, cls.__dataclass_fields__, "the event's context"))


def _texts(found: Mapping[str, Any], names: Iterable[str], what: str) -> dict[str, str]:
    """These values of an object, which are texts; "" for those that are not there."""
    fields = {name: found.get(name) or "" for name in names}
    for name, value in fields.items():
        if not isinstance(value, str):
            raise BadData(f"{what}'s {name} must be text, not {type(value).__name__}")
        # JSON can name half a surrogate pair, which no encoding can write
        fields[name] = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return fields
