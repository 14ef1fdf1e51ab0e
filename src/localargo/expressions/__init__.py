"""Argo's expression languages: tags, govaluate, expr-lang, Go templates, JSON paths. Pure: text and JSON in, JSON or text out.

The evaluated text may come from an unknown sender (a workflow expands an event's value again), so every language works only on
plain JSON values, never on attributes of Python objects, and the work of every evaluation is bounded.
"""

from __future__ import annotations

from localargo.errors import InvalidInput


class ExpressionError(InvalidInput):
    """The text is not valid in its language, or cannot be evaluated. `position` counts characters from 0; None: unknown."""

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.position = position


class UnsupportedExpression(ExpressionError):
    """The text is valid on Argo, and uses what is left out here: lint and the engine refuse the manifest."""
