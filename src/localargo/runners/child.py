"""What happens in a process between the pod host's fork and the container's own code. Loaded by the pod host: standard library only.

*Isolated* and plain containers end in `exec`. *Warm* ones (`python -m PACKAGE.<module>`) run in the forked interpreter itself, which has
imported the heavy libraries already; their own modules are imported here, after the fork, so that an edited file counts.
"""

from __future__ import annotations

import atexit
import ctypes
import io
import json
import os
import random
import resource
import runpy
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
NOT_STARTED = 64  # exit code of Argo's executor when the command cannot be started
LONGEST_WORD = 131072  # bytes of one argument or variable with the zero byte at its end, a limit of the kernel


class NotStarted(Exception):
    """The command cannot be started; the text is Argo's message."""


def preload(names: Sequence[str]) -> None:
    """Import these modules, and nothing more: no fit, no query, no connection in the process that is forked.

    What is not installed is left out. One throwaway client makes boto3 read its models, which the children then share. The caches of
    `typing` are emptied: a library does so at its exit, and each child would copy a thousand pages of the parent for it.
    """
    import importlib
    import typing

    for name in names:
        try:
            importlib.import_module(name)
        except ImportError:
            continue
    if "boto3" in sys.modules:
        keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none", "region_name": "us-east-1"}
        session: Any = sys.modules["boto3"].session.Session(**keys)
        session.client("s3", endpoint_url="http://127.0.0.1:9")
    for empty in getattr(typing, "_cleanups", ()):
        empty()


def die_with(parent: int) -> None:
    """Ask the kernel to end this process when the pod host dies (Linux), and end at once if it already has."""
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _streams(log: str, out: int | None, status: int) -> int:
    """Connect standard input to /dev/null, output and errors to the log (standard output to `out` when the host captures it).
    Closes every other file; returns the new descriptor of `status`."""
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(target if out is None else out, 1)
    os.dup2(target, 2)
    kept = os.dup(status) if status == 3 else status
    os.dup2(kept, 3, inheritable=False)
    os.closerange(4, 4096)
    return 3


def search(name: str, path: str) -> str:
    """The executable's path, searched as Argo's executor does it."""
    if "/" in name:
        if Path(name).is_dir():
            raise NotStarted(f'failed to find name in PATH: exec: "{name}": is a directory')
        if not Path(name).exists():
            raise NotStarted(f'failed to find name in PATH: exec: "{name}": stat {name}: no such file or directory')
        if not os.access(name, os.X_OK):
            raise NotStarted(f'failed to find name in PATH: exec: "{name}": permission denied')
        return name
    for folder in path.split(os.pathsep):
        candidate = Path(folder) / name
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return str(candidate)
    raise NotStarted(f'failed to find name in PATH: exec: "{name}": executable file not found in $PATH')


def _enter(container: dict[str, Any]) -> None:
    try:
        try:
            os.chdir(container["cwd"])
        except FileNotFoundError:
            Path(container["cwd"]).mkdir(parents=True)
            os.chdir(container["cwd"])
    except OSError as e:
        raise NotStarted(f"chdir to {container['cwd']} failed: {(e.strerror or str(e)).lower()}") from None


def _limits() -> None:
    """No core files; as many open files as allowed. Address space is not limited: Arrow and DuckDB reserve far more than they use."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _execute(container: dict[str, Any]) -> None:
    _enter(container)
    program = search(container["argv"][0], container["env"].get("PATH", os.defpath))
    become = os.execve
    try:
        become(program, container["argv"], container["env"])
    except OSError as e:
        raise NotStarted(f"failed to start command: fork/exec {program}: {(e.strerror or str(e)).lower()}") from None


def _as_long_as_allowed(container: dict[str, Any]) -> None:
    """The kernel's limits for a new program, asked for a forked one too: what runs here then also starts on a cluster."""
    words = [*container["argv"], *(f"{name}={value}" for name, value in container["env"].items())]
    sizes = [len(os.fsencode(word)) + 1 for word in words]
    if max(sizes) > LONGEST_WORD or sum(sizes) + 8 * len(sizes) > os.sysconf("SC_ARG_MAX"):
        raise NotStarted(f"failed to start command: fork/exec {container['argv'][0]}: argument list too long")


def _text(descriptor: int) -> io.TextIOWrapper:
    """A standard stream, written line by line so that logs can be followed."""
    raw = io.FileIO(descriptor, "rb" if descriptor == 0 else "wb", closefd=False)
    buffer = io.BufferedReader(raw) if descriptor == 0 else io.BufferedWriter(raw)
    return io.TextIOWrapper(buffer, encoding="utf-8", errors="backslashreplace" if descriptor == 2 else None, line_buffering=True)


def _run_module(container: dict[str, Any]) -> int:
    """`python -m MODULE ARGUMENTS` in this interpreter; returns the exit code."""
    os.environ.clear()
    os.environ.update(container["env"])
    for name, descriptor in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        stream = _text(descriptor)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    if container["cpu"] > 1 and "threadpoolctl" in sys.modules:
        sys.modules["threadpoolctl"].threadpool_limits(container["cpu"])
    module, sys.argv[:] = container["argv"][2], ["-m", *container["argv"][3:]]
    sys.path.insert(0, container["import_from"])
    code = _ended(lambda: runpy.run_module(module, run_name="__main__", alter_sys=True))
    try:
        vars(threading)["_shutdown"]()
        atexit._run_exitfuncs()
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
        code = code or 1
    return code


def _ended(run: Callable[[], object]) -> int:
    """Run, and return the exit code with which the interpreter would end."""
    try:
        run()
    except SystemExit as e:
        if e.code is None or isinstance(e.code, int):
            return (e.code or 0) & 0xFF
        print(e.code, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def begin(container: dict[str, Any], enter: Callable[[], None] | None, host: int, status: int, out: int | None) -> None:
    """Everything the child does; never returns. Writes to `status` why it could not start."""
    code = NOT_STARTED
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        status = _streams(container["log"], out, status)
        if enter is not None:
            enter()
        die_with(host)
        _limits()
        if container["warm"]:
            _as_long_as_allowed(container)
            _enter(container)
            os.close(status)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGPIPE, signal.SIG_IGN)
            code = _run_module(container)
        else:
            _execute(container)
    except NotStarted as e:
        os.write(status, json.dumps({"error": str(e)}).encode() + b"\n")
    except BaseException as e:
        os.write(2, traceback.format_exc().encode())
        if not container["warm"]:
            os.write(status, json.dumps({"error": f"{type(e).__name__}: {e}"}).encode() + b"\n")
    finally:
        os._exit(code)
