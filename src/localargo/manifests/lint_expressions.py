"""Expressions (`{{=...}}`, `expression`, `fromExpression`): whether they compile, and whether the names in them exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from localargo.expressions import ExpressionError, UnsupportedExpression, exprlang
from localargo.manifests.document import join
from localargo.manifests.lint_checker import Checker
from localargo.manifests.lint_locations import Location
from localargo.manifests.lint_scope import Scope, scan
from localargo.manifests.report import hint_for

FIELDS = ("expression", "fromExpression", "successCondition")  # of valueFrom, retryStrategy, artifacts, http
ROOTS = ("inputs.parameters.", "inputs.artifacts.", "workflow.parameters.")
TEXT = r"(?:inputs\.parameters|workflow\.parameters)(?:\.\w+|\[['\"][^'\"]+['\"]\])|lastRetry\.(?:exitCode|duration)|\bretries"
NUMBER = r"[-+]?\d+(?:\.\d+)?\b"
OPERATOR = r"\s*(?:==|!=|<=|>=|<|>|\+|-|\*|/|%)\s*"
MIXED = re.compile(rf"(?P<left>{TEXT})(?!\s*[.\[(]){OPERATOR}{NUMBER}|{NUMBER}{OPERATOR}(?P<right>{TEXT})(?!\s*[.\[(])")
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")


def check(checker: Checker, tree: Any, scope: Scope, place: Location) -> None:
    """Every expression in a template, step or task."""
    for tag in scan(tree, place.path):
        if tag.expression:
            _one(checker, tag.text, scope, Location(place.document, tag.path, place.prefix))
    for text, path in _fields(tree, place.path):
        _one(checker, text, scope, Location(place.document, path, place.prefix))


def _fields(tree: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from _fields(value, join(path, index))
    elif isinstance(tree, dict):
        for key, value in tree.items():
            if key in FIELDS and isinstance(value, str) and "{{" not in value:
                yield value, join(path, key)
            elif key not in ("resource", "hooks"):  # conditions on a resource are label selectors; hooks are checked with their call
                yield from _fields(value, join(path, key))


def _one(checker: Checker, text: str, scope: Scope, place: Location) -> None:
    names = compiles(checker, text, place)
    for name in names:
        root = next((each for each in ROOTS if name.startswith(each)), "")
        if not root or (scope.runtime and root.startswith("workflow.")):
            continue
        wanted = root + name.removeprefix(root).partition(".")[0]
        if wanted not in scope.names:
            message = f"{wanted} does not exist: the expression gets nil"
            checker.warning(place, message, hint_for(wanted, [each for each in scope.names if each.startswith(root)]))


def compiles(checker: Checker, text: str, place: Location) -> list[str]:
    """The names that the expression reads; a warning when it cannot be compiled or compares text with a number."""
    try:
        program = exprlang.compile(text)
    except ExpressionError as error:
        checker.warning(place, f"this expression cannot be evaluated: {error}", "Argo starts the workflow and ends this node with an error")
        return []
    for name in sorted(program.sprig):
        _sprig(checker, name, place)
    bare = QUOTED.sub(lambda match: match[0] if match[0].startswith(("'", '"')) and "[" + match[0] + "]" in text else "''", text)
    for match in MIXED.finditer(bare):
        name = match["left"] or match["right"]
        checker.warning(place, f"{name} is a string: it cannot be compared with a number or used in arithmetic", f"write asInt({name})")
    return sorted(program.names)


def _sprig(checker: Checker, name: str, place: Location) -> None:
    from localargo.expressions import sprig  # heavy: it loads all functions

    if name not in sprig.names() and isinstance(error := sprig.undefined(name), UnsupportedExpression):
        checker.report.unsupported(place.document, place.path, str(error))
