"""A mount namespace for one pod, by direct system calls. Loaded by the pod host: standard library only.

The pod sees the machine's folders as writable copies (one overlay per top-level folder; what the kernel refuses to overlay is bound
read-only), an empty `/tmp` and `/run`, a `/dev/shm` of its own, its volumes, and nothing of the engine's state folder.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import stat
from pathlib import Path
from typing import Any

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x1, 0x2, 0x4, 0x20, 0x1000, 0x4000, 0x40000
MNT_DETACH = 2
PR_CAPBSET_DROP = 24
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
MOUNT_SETATTR = 442  # the same number on every architecture
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
MOUNT_ATTR_RDONLY = 0x1
# capabilities with which a pod of root could leave its namespace or change the machine
DROPPED = {"SYS_MODULE": 16, "SYS_RAWIO": 17, "SYS_PTRACE": 19, "SYS_ADMIN": 21, "SYS_BOOT": 22, "SYS_TIME": 25, "MKNOD": 27}


class IsolationError(OSError):
    """No namespace could be created; the text says which system call failed and why."""


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(what: str, result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise IsolationError(number, f"{what}: {os.strerror(number)}")


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """mount(2)."""
    libc = _libc()
    data = options.encode() if options else None
    call = libc.mount(os.fsencode(source), os.fsencode(target), kind.encode() or None, ctypes.c_ulong(flags), data)
    _call(f"mount {kind or 'bind'} {source} on {target}", call)


def _read_only(target: str) -> None:
    """Make a bound tree read-only, with everything mounted below it."""
    libc = _libc()
    attributes = (ctypes.c_uint64 * 4)(MOUNT_ATTR_RDONLY, 0, 0, 0)
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    if libc.syscall(MOUNT_SETATTR, AT_FDCWD, os.fsencode(target), AT_RECURSIVE, ctypes.byref(attributes), size) != 0:
        mount("none", target, "", MS_REMOUNT | MS_BIND | MS_RDONLY)


def bind(source: str, target: str, read_only: bool = False) -> None:
    """Bind a file or a tree with all that is mounted in it; the target is made when it is not there."""
    if Path(source).is_dir():
        Path(target).mkdir(parents=True, exist_ok=True)
    elif not os.path.lexists(target):
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        Path(target).touch()
    mount(source, target, "", MS_BIND | MS_REC)
    if read_only:
        _read_only(target)


def unshare() -> bool:
    """Enter a mount namespace; True when a user namespace was needed for it (for an ordinary user, or root without the capability)."""
    if platform.system() != "Linux":
        raise IsolationError(errno.ENOSYS, f"{platform.system()} has no mount namespaces")
    libc = _libc()
    user = os.geteuid() != 0 or libc.unshare(CLONE_NEWNS) != 0
    if user:
        uid, gid = os.geteuid(), os.getegid()
        _call("unshare a user and mount namespace", libc.unshare(CLONE_NEWUSER | CLONE_NEWNS))
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    mount("none", "/", "", MS_REC | MS_PRIVATE)
    return user


def probe() -> str:
    """Try it in a child process: "" when namespaces work, else the reason why not."""
    if platform.machine() not in PIVOT_ROOT:
        return f"pivot_root on {platform.machine()} is not known to this engine"
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            unshare()
            mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV)
        except OSError as e:
            os.write(writer, str(e).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        reason = told.read().decode()
    os.waitpid(child, 0)
    return reason


def _mirror(name: str, root: str, upper: Path) -> None:
    """A writable folder in place of `/name` with its entries bound read-only, for when the kernel refuses an overlay."""
    bind(str(upper / name), f"{root}/{name}")
    for entry in os.scandir(f"/{name}"):
        target = f"{root}/{name}/{entry.name}"
        if os.path.lexists(target) and not entry.is_dir():
            continue
        if entry.is_symlink():
            Path(target).symlink_to(Path(entry.path).readlink())
        elif entry.is_dir() or entry.is_file():
            try:
                bind(entry.path, target, read_only=True)
            except OSError:
                continue  # an entry that cannot be read is left out


def _machine(name: str, folder: Path, root: str, options: str) -> None:
    """`/name` as a copy of which only this pod sees the changes."""
    target = Path(root) / name
    target.mkdir(exist_ok=True)
    for part in ("upper", "work"):
        made = folder / part / name
        if not made.is_dir():
            made.mkdir(parents=True)
    try:
        mount("overlay", str(target), "overlay", 0, f"lowerdir=/{name},upperdir=upper/{name},workdir=work/{name}{options}")
    except OSError:
        _mirror(name, root, folder / "upper")


def _system(root: str) -> None:
    """/proc, /sys and /dev of the machine, with shared memory of the pod's own."""
    for name in ("proc", "sys", "dev"):
        bind(f"/{name}", f"{root}/{name}", read_only=name == "sys")
    if os.geteuid() == 0:
        bind("/proc/sys", f"{root}/proc/sys", read_only=True)
    shared = Path(root, "dev", "shm")
    if shared.is_dir():
        mount("tmpfs", str(shared), "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")


def _rest(root: str) -> None:
    """Top-level links as they are, and an empty folder for each empty one."""
    for entry in os.scandir("/"):
        here = Path(root, entry.name)
        if os.path.lexists(here):
            continue
        if entry.is_symlink():
            here.symlink_to(Path(entry.path).readlink())
        elif entry.is_dir():
            here.mkdir()
            here.chmod(stat.S_IMODE(entry.stat().st_mode))


def enter(plan: dict[str, Any]) -> None:
    """Create the namespace and enter it. `plan`: folder (the pod's), machine and private (names of top-level folders), mounts
    ([path inside, source, read-only]), hide (the state folder), visible (folders that must be seen, such as the interpreter's)."""
    folder = Path(plan["folder"])
    root = str(folder / "root")
    user = unshare()
    os.chdir(folder)
    mount(root, root, "", MS_BIND)
    holder = plan["folder"].split("/")[1]
    for name in sorted(plan["machine"], key=lambda n: n != holder):
        if name in plan["private"]:
            bind(str(folder / "upper" / name), f"{root}/{name}")
        else:
            _machine(name, folder, root, ",userxattr" if user else "")
    if "var" in plan["machine"]:  # it belongs to root, so an ordinary user could not write to an overlay of it
        kept = folder / "upper" / "var" / "tmp"
        kept.mkdir(parents=True, exist_ok=True)
        bind(str(kept), str(Path(root, "var", "tmp")))
    _system(root)
    _rest(root)
    hidden = Path(root + plan["hide"])
    if hidden.is_dir():
        mount("tmpfs", str(hidden), "tmpfs", MS_NOSUID | MS_NODEV | MS_RDONLY, "size=4k,mode=755")
    for inside, source, read_only in plan["mounts"]:
        bind(source, root + inside, read_only)
    for needed in plan["visible"]:
        if not Path(root + needed).exists():
            bind(needed, root + needed, read_only=True)
    _pivot(root)


def _pivot(root: str) -> None:
    """Make `root` the root folder; drop the old one and the capabilities to undo that."""
    libc = _libc()
    os.chdir(root)
    _call("pivot_root", libc.syscall(PIVOT_ROOT[platform.machine()], b".", b"."))
    _call("umount the old root", libc.umount2(b".", MNT_DETACH))
    os.chdir("/")
    for capability in DROPPED.values():
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
