"""The code that an exported model carries: the modules of this product that predict, as they are, under a name of their own.

So there is one encoding: the code that encoded the rows for the evaluation goes with the model. The name has a digest of the code in it, so
that two models of different releases can be loaded into one process.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
OURS = "handlers"
SCRIPT = "scoring/standalone.py"
LOADER = "scoring/pyfunc.py"
IMPORTS = re.compile(rf"^(\s*(?:from|import) ){OURS}\b", re.MULTILINE)


@cache
def carried(module: str) -> tuple[str, dict[str, str]]:
    """The name of the package, and its files: what the two ways in need, and the kinds of estimators of `handlers.models.<module>`."""
    files = {path: (ROOT / path).read_text(encoding="utf-8") for path in sorted(_needed(SCRIPT, LOADER, f"models/{module}.py"))}
    del files[SCRIPT]
    digest = hashlib.sha256("".join(f"{path}\0{text}\0" for path, text in files.items()).encode()).hexdigest()[:8]
    name = f"retrained_{digest}"
    return name, {path: renamed(text, name) for path, text in files.items()}


def script(name: str) -> str:
    """The script that predicts with the package of that name."""
    return renamed((ROOT / SCRIPT).read_text(encoding="utf-8"), name)


def renamed(text: str, name: str) -> str:
    """The same code, importing from the package of that name."""
    return IMPORTS.sub(rf"\1{name}", text)


def _needed(*paths: str) -> set[str]:
    """These files of `handlers/`, all that they import when they run, and what makes packages of their folders."""
    found: set[str] = set()
    waiting = list(paths)
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        folders = [parent.joinpath("__init__.py").as_posix() for parent in Path(path).parents]
        waiting += [*folders, *_imported((ROOT / path).read_text(encoding="utf-8"))]
    return found


def _imported(text: str) -> Iterator[str]:
    for node in _run(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == OURS:
            for name in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names)):
                yield from _file(name)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] == OURS:
                    yield from _file(alias.name)


def _file(module: str) -> Iterator[str]:
    """The file of a module; none for a name that is in one."""
    path = module.partition(".")[2].replace(".", "/")
    for candidate in (f"{path}.py", f"{path}/__init__.py".lstrip("/")):
        if (ROOT / candidate).is_file():
            yield candidate


def _run(tree: ast.AST) -> Iterator[ast.AST]:
    """Every part of the code but what only a type checker reads."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        yield node
        yield from _run(node)
