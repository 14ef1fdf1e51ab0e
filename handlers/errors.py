"""What ends a handler, each with its exit code, and how values and counts are shown in a message. Nothing else is imported here."""

from __future__ import annotations

SIGTERM_EXIT = 143


class HandlerError(Exception):
    """Ends the handler with `exit_code`; the text tells the person who must act what is wrong and what to do."""

    exit_code = 1


class WrongUsage(HandlerError):
    """The handler was called with wrong arguments. Not retried."""

    exit_code = 2


class BadData(HandlerError):
    """The data cannot be used; the text names object, column and value. Not retried."""

    exit_code = 65


class GaveUp(HandlerError):
    """The failure budget is spent. Not retried."""

    exit_code = 70


class Superseded(GaveUp):
    """Another run has newer data and `trigger.in_flight` is supersede; the state is saved. Not retried: a run follows."""


class TryAgain(HandlerError):
    """Something outside failed for now. `retryStrategy` retries."""

    exit_code = 75


class BadSpec(HandlerError):
    """The model's spec is wrong; the text names the key and what is accepted. Not retried."""

    exit_code = 78


class Stopped(HandlerError):
    """Asked to stop; the state is saved. Retried elsewhere."""

    exit_code = SIGTERM_EXIT


def counted(number: int, noun: str) -> str:
    """ "1 row", "12,769 rows"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def shown(text: str, longest: int = 80) -> str:
    """A value of the data in quotes for a message: cut, and with what no terminal can print escaped."""
    return repr(text if len(text) <= longest else text[:longest] + "...")
