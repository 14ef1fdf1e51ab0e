"""Argo's little languages: tags, govaluate, expr-lang, Go templates, JSON paths. Pure: text and JSON in, JSON or text out.

What is evaluated here may come from a stranger (an event's value is expanded again by a workflow), so every language works on
plain JSON values alone, never on Python objects' attributes, and every evaluation has a bounded amount of work.
"""

from __future__ import annotations

from localargo.errors import InvalidInput


class ExpressionError(InvalidInput):
    """The text is not of its language, or cannot be evaluated. `position` counts characters from 0, None: not known."""

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.position = position
