"""What a module of the warm package imports, read from its source: whether a process with the libraries loaded saves it any time.

The answer affects speed only: a module whose imports are not found here imports its libraries itself.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from localargo.ports import Json
from localargo.runners.hostlink import Kind


def host_of(spec: Json) -> Kind:
    """Which host forks the pod: the one with the libraries loaded for a module that imports any, the small one for all others."""
    if spec["mode"] != "warm":
        return "plain"
    return "warm" if any(needs_libraries(Path(c["import_from"]), c["argv"][2]) for c in spec["containers"]) else "plain"


def needs_libraries(folder: Path, module: str) -> bool:
    """Whether `module`, or a module of the same package that it imports directly or indirectly, imports anything from outside the
    standard library. A file that cannot be read counts as one that does."""
    package = module.partition(".")[0]
    pending, seen = [module], set[str]()
    while pending:
        name = pending.pop()
        if name and name not in seen:
            seen.add(name)
            try:
                found = _of_module(folder.joinpath(*name.split(".")))
            except (OSError, ValueError, SyntaxError):
                return True
            if any(n.partition(".")[0] != package for n in found):
                return True
            pending += [name.rpartition(".")[0], *found]
    return False


def _of_module(path: Path) -> tuple[str, ...]:
    """What the module's own file imports; nothing when there is no file (a namespace package, or a name defined inside a module)."""
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    try:
        found = file.stat()
    except FileNotFoundError:
        return ()
    return _of_file(str(file), found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=1024)
def _of_file(file: str, changed: int, size: int) -> tuple[str, ...]:
    """Names of the modules that a file imports from outside the standard library; a relative import counts as one of them."""
    return tuple({name for name in _names(ast.parse(Path(file).read_bytes())) if name.partition(".")[0] not in sys.stdlib_module_names})


def _names(tree: ast.Module) -> Iterator[str]:
    """Of `from a import b` both `a` and `a.b`: b may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
