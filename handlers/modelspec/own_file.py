"""The Python file beside a spec that makes its model: what can be said of it without running it.

It travels as the spec does, as text between the steps, so it must be small and hold nothing that a workflow would take for a parameter.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LARGEST = 64 << 10  # bytes: a step gets the spec, this text included, as one argument
METHODS = ("partial_fit", "predict", "save", "load")
MATRIX, TABLE = "matrix", "table"  # what a class may say that it reads, as `input`


@dataclass(frozen=True, slots=True)
class Wrong:
    line: int
    message: str


def beside(path: Path) -> tuple[str | None, str | None]:
    """The texts of the files that stand beside a spec under its name: the statement and the Python file; None for one that is not there."""
    statement, code = (path.with_suffix(suffix) for suffix in (".sql", ".py"))
    return (
        statement.read_text(encoding="utf-8") if statement.exists() else None,
        code.read_text(encoding="utf-8") if code.exists() else None,
    )


def named(estimator: str) -> tuple[str, str] | None:
    """(file, name) of an estimator of your own; None for one by dotted path."""
    file, colon, name = estimator.partition(":")
    return (file, name) if colon else None


def wrong(code: str, name: str) -> Iterator[Wrong]:
    """What is wrong with the file, and with the function or the class `name` in it."""
    if len(code.encode()) > LARGEST:
        yield Wrong(1, f"it has {len(code.encode()):,} bytes, and travels with the spec: at most {LARGEST:,}")
    for number, line in enumerate(code.splitlines(), 1):
        if "{{" in line:
            yield Wrong(number, "`{{` would be taken for a parameter of the workflow; write the braces apart, such as '{' '{'")
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError) as error:
        yield Wrong(getattr(error, "lineno", None) or 1, f"not Python: {getattr(error, 'msg', None) or error}")
        return
    found = next((node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name), None)
    if found is None:
        there = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        yield Wrong(1, f"it has no function and no class {name!r}; it has: {', '.join(there) or 'none'}")
    elif isinstance(found, ast.FunctionDef):
        taken = [argument.arg for argument in found.args.args]
        if taken != ["params", "seed"]:
            yield Wrong(found.lineno, f"{name}({', '.join(taken)}): a function that makes a model takes (params, seed)")
    elif not found.bases:
        missing = [method for method in METHODS if not any(isinstance(n, ast.FunctionDef) and n.name == method for n in found.body)]
        if missing:
            yield Wrong(found.lineno, f"class {name} has no {missing[0]}(); a class that learns by batches has {', '.join(METHODS)}")
    if isinstance(found, ast.ClassDef):
        yield from _wrong_input(found)


def _wrong_input(found: ast.ClassDef) -> Iterator[Wrong]:
    given = _input(found)
    if given is not None and not (isinstance(given.value, ast.Constant) and given.value.value in (MATRIX, TABLE)):
        yield Wrong(given.lineno, f'input: accepted are "{MATRIX}", encoded rows, and "{TABLE}", an Arrow table of the columns')


def _input(found: ast.ClassDef) -> ast.Assign | ast.AnnAssign | None:
    """The line of a class that says what it reads."""
    for node in found.body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        if any(isinstance(target, ast.Name) and target.id == "input" for target in targets):
            return node if isinstance(node, ast.Assign | ast.AnnAssign) else None
    return None


def reads(code: str, name: str) -> str:
    """What the model of the name reads: encoded rows, or an Arrow table of the columns."""
    for node in ast.parse(code).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            given = _input(node)
            return str(given.value.value) if given is not None and isinstance(given.value, ast.Constant) else MATRIX
    return MATRIX


def is_class(code: str, name: str) -> bool:
    """Whether the name is that of a class, which learns by batches; else of a function, whose model needs all rows at once."""
    return any(isinstance(node, ast.ClassDef) and node.name == name for node in ast.parse(code).body)
