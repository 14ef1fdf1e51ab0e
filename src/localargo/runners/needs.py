"""What a handler's modules import, read from their text: whether a process that has the libraries loaded would save it anything.

Only speed hangs on the answer: a module whose imports are not seen here imports its libraries itself.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from localargo.ports import Json
from localargo.runners.hostlink import Kind

PACKAGE = "handlers"


def host_of(spec: Json) -> Kind:
    """Which host forks the pod: for a handler that computes the one that has the libraries loaded, for all others the small one."""
    if spec["mode"] != "warm":
        return "plain"
    return "warm" if any(needs_libraries(Path(c["import_from"]), c["argv"][2]) for c in spec["containers"]) else "plain"


def needs_libraries(folder: Path, module: str) -> bool:
    """Whether `module` (handlers.<name>), or anything of `handlers` that is imported by it or for it, names a module outside the
    standard library. What cannot be read may need everything."""
    pending, seen = [module], set[str]()
    while pending:
        name = pending.pop()
        if name and name not in seen:
            seen.add(name)
            try:
                found = _of_module(folder.joinpath(*name.split(".")))
            except (OSError, ValueError, SyntaxError):
                return True
            if any(n.partition(".")[0] != PACKAGE for n in found):
                return True
            pending += [name.rpartition(".")[0], *found]
    return False


def _of_module(place: Path) -> tuple[str, ...]:
    """What the module's own file imports; nothing for a name that is no file: a package may have none, or the name is a value's."""
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    try:
        found = file.stat()
    except FileNotFoundError:
        return ()
    return _of_file(str(file), found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=1024)
def _of_file(file: str, changed: int, size: int) -> tuple[str, ...]:
    """Names of the modules that a file imports and the standard library does not have; a relative import counts as a foreign one."""
    return tuple({name for name in _names(ast.parse(Path(file).read_bytes())) if name.partition(".")[0] not in sys.stdlib_module_names})


def _names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield base
            if base.startswith(PACKAGE):
                yield from (f"{base}.{alias.name}" for alias in node.names)
