"""Moves files between a pod's folder and the bucket: inputs before the containers start, outputs after they have ended.

Messages are Argo's: of the init container for inputs, of the wait container for outputs; both exit with code 64.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace as changed
from errno import ENOENT
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

from localargo.artifacts import archive, keys
from localargo.artifacts.download import download
from localargo.errors import InvalidInput, LocalArgoError, NotFound, Unavailable, Unsupported
from localargo.ports import Artifact, ArtifactLocation, Bucket, OutputParameter, PodPaths, PodSpec, StoredOutputs

T = TypeVar("T")
LOG = logging.getLogger(__name__)
INIT_ERROR = "init: Error (exit code 64): "
WAIT_ERROR = "wait: Error (exit code 64): "
LONGEST_RESULT = 256 * 1024  # bytes
TRIES = 4  # each try with the bucket client's own retries
FIRST_WAIT = 0.5  # seconds, doubled after each try


@runtime_checkable
class OtherBuckets(Protocol):
    """A bucket that gives access to the other buckets of its server."""

    def other(self, name: str) -> Bucket:
        """Another bucket of the same server."""


class StageError(LocalArgoError):
    """An input or output could not be moved; the text is Argo's message for the node."""


def needs_bucket(pod: PodSpec) -> bool:
    """Whether staging the pod's inputs reads from the bucket."""
    return any(a.location is not None and a.location.kind == "s3" for a in pod.inputs)


def stores(pod: PodSpec) -> bool:
    """Whether collecting the pod's outputs may write to the bucket."""
    return bool(pod.output_artifacts or pod.archive_logs_key)


def _bucket(bucket: Bucket | None, location: ArtifactLocation) -> Bucket:
    if bucket is None:
        raise Unsupported("there is no bucket to take artifacts from")
    if not location.bucket or location.bucket == bucket.name:
        return bucket
    if isinstance(bucket, OtherBuckets):
        return bucket.other(location.bucket)
    raise Unsupported(f"bucket {location.bucket!r} is not the engine's own ({bucket.name})")


# ------------------------------------------------------------------------------------------------ inputs


def stage(pod: PodSpec, paths: PodPaths, bucket: Bucket | None) -> None:
    """Put the pod's input artifacts into its folder. Raises StageError."""
    for artifact in pod.inputs:
        try:
            _load(artifact, paths, bucket)
        except (StageError, Unavailable):
            raise
        except LocalArgoError as e:
            raise StageError(f"{INIT_ERROR}artifact {artifact.name} failed to load: {e}") from e
        except OSError as e:
            raise StageError(f"{INIT_ERROR}artifact {artifact.name} failed to load: {e.strerror or e}: {artifact.path}") from e


def _load(artifact: Artifact, paths: PodPaths, bucket: Bucket | None) -> None:
    location = artifact.location
    if location is None:
        if artifact.optional:
            return
        raise StageError(f"{INIT_ERROR}required artifact '{artifact.name}' not supplied")
    target = paths.locate(artifact.path)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.loading")
    _remove(partial)
    try:
        _fetch(location, artifact, partial, bucket)
        _unpack(artifact, partial, target)
    except NotFound:
        if artifact.optional:
            return
        raise
    finally:
        _remove(partial)
    if artifact.mode is not None:
        _chmod(target, artifact.mode, artifact.recurse_mode)


def _fetch(location: ArtifactLocation, artifact: Artifact, to: Path, bucket: Bucket | None) -> None:
    if location.kind == "raw":
        to.write_text(location.data)
        return
    if location.kind == "http":
        download(location.key, location.headers, to)
        return
    source = _bucket(bucket, location)
    key = keys.below(location.key, artifact.sub_path)
    if not key.endswith("/"):
        try:
            source.download(key, to)
            return
        except NotFound:
            to.unlink(missing_ok=True)
    prefix = key.rstrip("/") + "/"
    found = [k for k in source.list(prefix) if not k.endswith("/")]
    if not found:
        raise NotFound("The specified key does not exist.")
    for one in found:
        file = to / keys.clean(one[len(prefix) :])
        file.parent.mkdir(parents=True, exist_ok=True)
        source.download(one, file)


def _unpack(artifact: Artifact, partial: Path, target: Path) -> None:
    """Unpack as the artifact's `archive` says; without one, only a tar is unpacked."""
    try:
        if artifact.archive == "zip":
            archive.unpack_zip(partial, target)
        elif artifact.archive == "tar" or (artifact.archive == "auto" and partial.is_file() and archive.is_tarball(partial)):
            archive.unpack_tar(partial, target)
        else:
            archive.replace(partial, target)
    except InvalidInput as e:
        raise StageError(f"{INIT_ERROR}{e}") from e


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


def _chmod(path: Path, mode: int, recurse: bool) -> None:
    path.chmod(mode)
    for below in path.rglob("*") if recurse and path.is_dir() else ():
        if not below.is_symlink():
            below.chmod(mode)


# ------------------------------------------------------------------------------------------------ outputs


def collect(pod: PodSpec, paths: PodPaths, bucket: Bucket | None, result: Path | None, log: Path | None) -> StoredOutputs:
    """Read output parameters and the result, store output artifacts and the log. `error` names what is missing; the rest is stored
    nevertheless, as Argo does. Raises Unavailable when the bucket does not answer: a retry may help."""
    errors: list[str] = []
    broken = ""
    parameters: dict[str, str] = {}
    for parameter in pod.output_parameters:
        try:
            parameters[parameter.name], broken = _parameter(pod, parameter, paths, broken)
        except OSError as e:
            problem = (e.strerror or str(e)).lower()
            errors.append(f"parameter {parameter.name} failed to save: open {parameter.path}: {problem}")
            break  # Argo's executor stops at the first failure
    if broken:
        return StoredOutputs(parameters, broken=broken)
    artifacts: dict[str, ArtifactLocation] = {}
    for artifact in pod.output_artifacts:
        location = _save(pod, artifact, paths, bucket, errors)
        if location is not None:
            artifacts[artifact.name] = location
    if pod.archive_logs_key and log is not None and bucket is not None:
        artifacts |= _archive_logs(pod, log.parent, bucket)
    text = _trimmed(result.read_bytes(), LONGEST_RESULT) if result is not None and result.exists() else None
    return StoredOutputs(parameters, artifacts, text, f"{WAIT_ERROR}{errors[0]}" if errors else "")


def _archive_logs(pod: PodSpec, logs: Path, bucket: Bucket) -> dict[str, ArtifactLocation]:
    """Store every container's log beside that of main."""
    stored = {}
    folder = keys.clean(pod.archive_logs_key).rpartition("/")[0]
    for container in pod.containers:
        log = logs / f"{container.name}.log"
        if log.exists():
            key = keys.log_key(folder, container.name)
            bucket.upload(log, key)
            stored[f"{container.name}-logs"] = ArtifactLocation("s3", key=key, bucket=bucket.name)
    return stored


def _trimmed(data: bytes, longest: int | None = None) -> str:
    """Text as Argo reads it from a file: without one newline at the end, and at most the last `longest` bytes."""
    kept = data.removesuffix(b"\n")
    return kept[-longest if longest else None :].decode("utf-8", "replace")


def _parameter(pod: PodSpec, parameter: OutputParameter, paths: PodPaths, broken: str) -> tuple[str, str]:
    """The value, and the error that stopped the copying in the container (`broken`: an earlier one did). Raises OSError."""
    try:
        if broken:
            raise FileNotFoundError(ENOENT, "no such file or directory")
        return _trimmed(paths.resolve(parameter.path).read_bytes()), ""
    except OSError as e:
        if isinstance(e, IsADirectoryError) and not _on_a_volume(pod, parameter.path):
            copy = f"/var/run/argo/outputs/parameters/{parameter.path}"
            return "", f"failed to copy {parameter.path} to {copy}: write {copy}: copy_file_range: is a directory"
        if parameter.default is None:
            raise
        return parameter.default, broken


def _on_a_volume(pod: PodSpec, path: str) -> bool:
    """Whether the path is below a mount: such files are read in place, others are copied by the container."""
    mounts = {mount.path.rstrip("/") for container in pod.containers for mount in container.mounts}
    return any(path == mount or path.startswith(f"{mount}/") for mount in mounts)


def _save(pod: PodSpec, artifact: Artifact, paths: PodPaths, bucket: Bucket | None, errors: list[str]) -> ArtifactLocation | None:
    source = paths.resolve(artifact.path)
    if not source.exists():
        if not artifact.optional:
            errors.append(f"artifact {artifact.name} failed to save: stat {artifact.path}: no such file or directory")
        return None
    location = artifact.location
    if location is None or not location.key:
        key = keys.default_key(f"argo/{pod.workflow}/{pod.name}", artifact.name, artifact.path, artifact.archive)
        location = ArtifactLocation("s3", key=key, bucket=location.bucket if location else "")
    if location.kind != "s3":
        raise Unsupported(f"output artifact {artifact.name}: only s3 can be written, not {location.kind}")
    target = _bucket(bucket, location)
    key = keys.clean(location.key)
    if artifact.archive == "none":
        _upload_plain(target, source, key, lambda below: paths.resolve(f"{artifact.path.rstrip('/')}/{below}"))
    else:
        name = Path(artifact.path.rstrip("/")).name
        _packed(artifact, source, name, lambda packed: target.upload(packed, key))
    return changed(location, key=key, bucket=target.name)


def _upload_plain(bucket: Bucket, source: Path, key: str, inside: Callable[[str], Path]) -> None:
    """A file as an object, a folder as an object for each file below it; `inside` finds a path below the source as the pod sees it.

    A link is stored as the file that it leads to. What is no file in the end, and what may not be read, is left out: one such file of a
    large tree must not take away the others.
    """
    if source.is_file():
        bucket.upload(source, key.rstrip("/"))
        return
    for folder, _, names in os.walk(source):
        for name in sorted(names):
            path = (Path(folder) / name).relative_to(source).as_posix()
            try:
                file = inside(path)
                if file.is_file():
                    bucket.upload(file, f"{key.rstrip('/')}/{path}")
            except (PermissionError, Unsupported) as error:
                LOG.warning("%s is not stored with its folder: %s", path, error)


def _packed(artifact: Artifact, source: Path, name: str, then: Callable[[Path], None]) -> None:
    """Pack the artifact in a temporary folder under its own name, pass it on, and remove it."""
    with tempfile.TemporaryDirectory(prefix="localargo-artifact-") as folder:
        packed = Path(folder) / "packed"
        if artifact.archive == "zip":
            archive.pack_zip(source, packed, name)
        else:
            archive.pack_tar(source, packed, name, artifact.compression)
        then(packed)


# ------------------------------------------------------------------------------------------------ the port


class BucketArtifacts:
    """Implements Artifacts on a bucket that is opened only when there is something to move. Retries while the bucket is away for
    some seconds."""

    def __init__(self, bucket: Callable[[], Awaitable[Bucket]]) -> None:
        self._bucket = bucket

    async def stage(self, pod: PodSpec, paths: PodPaths) -> None:
        """Raises StageError."""
        if not pod.inputs:
            return
        try:
            await self._patiently(needs_bucket(pod), lambda bucket: stage(pod, paths, bucket))
        except Unavailable as e:
            raise StageError(f"{INIT_ERROR}{e}") from e

    async def collect(self, pod: PodSpec, paths: PodPaths, result: Path | None, log: Path | None) -> StoredOutputs:
        """Never raises for failures of the pod or the bucket: they are in `error` of the outputs."""
        try:
            return await self._patiently(stores(pod), lambda bucket: collect(pod, paths, bucket, result, log))
        except (LocalArgoError, OSError) as e:
            return StoredOutputs(error=f"{WAIT_ERROR}{e}")

    async def _patiently(self, needed: bool, move: Callable[[Bucket | None], T]) -> T:
        tries = 1
        while True:
            try:
                bucket = await self._bucket() if needed else None
                return await asyncio.to_thread(move, bucket)
            except Unavailable:
                if tries == TRIES:
                    raise
            await asyncio.sleep(FIRST_WAIT * 2 ** (tries - 1))
            tries += 1
