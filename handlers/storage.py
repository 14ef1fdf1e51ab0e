"""The bucket as the handlers see it: immutable objects, conditional PUT, ranged GET.

`RETRAIN_BUCKET` names an S3 bucket (credentials and endpoint from the standard AWS variables), or, as `file:///folder`, a folder that
keeps the same conditions: for `handlers.try_` and for tests. Every write is atomic: a reader sees the object whole or not at all.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol

CHUNK_BYTES = 1 << 20
SETTLED_SECONDS = 2.0  # a file that was changed so recently may change again within one tick of its clock
CLOCK_SECONDS = 20.0  # for so long this machine counts on from what the bucket said: each of a thousand objects need not ask
READS = 5  # how often one object's reading may be interrupted


class Missing(Exception):
    """There is no object of this key."""


class Conflict(Exception):
    """The condition of a PUT was not met: the object is there already, or has changed."""


class Changed(Exception):
    """The object of this key is not the one that was asked for any more: it was put again, or removed."""


class BucketRefused(Exception):
    """The bucket refuses the request, and a retry would not help: no such bucket, wrong credentials, no bucket named."""


class Temporary(Exception):
    """The bucket did not answer, or is overloaded: a retry may help."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """`size` in bytes, `modified` in seconds since the epoch by the bucket's clock, `etag` without quotes."""

    key: str
    size: int
    etag: str
    modified: float


class Store(Protocol):
    """What a bucket can do. Reads raise Missing, conditional writes Conflict, everything Temporary and BucketRefused."""

    def get(self, key: str) -> bytes: ...
    def get_with_etag(self, key: str) -> tuple[bytes, str]: ...
    def get_range(self, key: str, start: int, length: int) -> bytes: ...
    def put(self, key: str, data: bytes, *, if_none_match: bool = False, if_match: str | None = None) -> str:
        """Write the object and return its ETag; `if_none_match`: only if there is none; `if_match`: only over that ETag."""
        ...

    def chunks(self, key: str, etag: str) -> Iterator[bytes]:
        """The content of the object while it has this ETag, piece by piece; raises Changed when it is another or none."""
        ...

    def upload(self, path: Path, key: str) -> None: ...
    def head(self, key: str) -> ObjectInfo | None: ...
    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Objects whose key begins with `prefix`, in the order of their keys."""
        ...

    def delete(self, key: str) -> None: ...
    def server_time(self) -> float:
        """Seconds since the epoch by the bucket's own clock."""
        ...


def open_store(*, patient: bool = True) -> Store:
    """The store that RETRAIN_BUCKET names; raises BucketRefused when it names none. One that is not patient gives up after seconds."""
    name = os.environ.get("RETRAIN_BUCKET", "")
    if not name:
        raise BucketRefused('RETRAIN_BUCKET is not set; set it to the name of the bucket (`eval "$(retrain env)"` does)')
    if name.startswith("file://"):
        return FolderStore(Path(name.removeprefix("file://")))
    return S3Store(name, patient=patient)


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no blanks: equal values have equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """16 hex digits of the SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:16]


def read_json(store: Store, key: str) -> Any:
    """The value of a JSON object; raises Missing."""
    return json.loads(store.get(key))


def optional_json(store: Store, key: str) -> dict[str, Any] | None:
    """The document of a key, None when there is none."""
    try:
        found: dict[str, Any] = read_json(store, key)
    except Missing:
        return None
    return found


def write_json(store: Store, key: str, value: Any, *, if_none_match: bool = False, if_match: str | None = None) -> str:
    """Write a value as canonical JSON and return the ETag; raises Conflict."""
    return store.put(key, canonical_json(value).encode(), if_none_match=if_none_match, if_match=if_match)


def write_once(store: Store, key: str, value: Any) -> bool:
    """Write a value unless the key exists; False when it does: immutable objects with the same name are the same."""
    try:
        write_json(store, key, value, if_none_match=True)
    except Conflict:
        return False
    return True


def content_digest(store: Store, key: str, etag: str, to: Path | None = None) -> str:
    """The MD5 of the content of the object that has this ETag, read piece by piece and written to a file. Raises Changed."""
    found = hashlib.md5(usedforsecurity=False)
    with to.open("wb") if to is not None else nullcontext() as file:
        for chunk in store.chunks(key, etag):
            found.update(chunk)
            if file is not None:
                file.write(chunk)
    return found.hexdigest()


class S3Store:
    """An S3 bucket by boto3, with bounded retries; one try, and seconds for it, when it is not `patient`."""

    def __init__(self, bucket: str, *, patient: bool = True) -> None:
        import boto3
        from botocore.config import Config

        tries, connect, read = (5, 10, 120) if patient else (1, 2, 5)
        config = Config(retries={"max_attempts": tries, "mode": "standard"}, connect_timeout=connect, read_timeout=read)
        self.bucket, self._patient = bucket, patient
        self._clock = (-math.inf, 0.0)  # when the bucket was asked for its time, by this machine's clock, and what it said
        self._client = boto3.client("s3", config=config, region_name=os.environ.get("AWS_DEFAULT_REGION", "us-east-1"))

    def __reduce__(self) -> tuple[Any, ...]:
        # another process has a client of its own
        return partial(S3Store, patient=self._patient), (self.bucket,)

    def get(self, key: str) -> bytes:
        return self.get_with_etag(key)[0]

    def get_with_etag(self, key: str) -> tuple[bytes, str]:
        data, answer = self._read(key)
        return data, answer["ETag"].strip('"')

    def get_range(self, key: str, start: int, length: int) -> bytes:
        return self._read(key, Range=f"bytes={start}-{start + length - 1}")[0]

    def put(self, key: str, data: bytes, *, if_none_match: bool = False, if_match: str | None = None) -> str:
        conditions = {"IfNoneMatch": "*"} if if_none_match else {"IfMatch": if_match} if if_match is not None else {}
        etag: str = self._call("put_object", key, Key=key, Body=data, **conditions)["ETag"]
        return etag.strip('"')

    def chunks(self, key: str, etag: str) -> Iterator[bytes]:
        from botocore.exceptions import BotoCoreError

        at, size, failures = 0, -1, 0
        while at != size:
            try:
                rest = {"Range": f"bytes={at}-"} if at else {}
                answer = self._call("get_object", key, Key=key, IfMatch=etag, **rest)
            except (Conflict, Missing):
                raise Changed(key) from None
            size = at + answer["ContentLength"]
            try:
                for chunk in answer["Body"].iter_chunks(CHUNK_BYTES):
                    at += len(chunk)
                    yield chunk
            except (BotoCoreError, OSError) as error:
                failures += 1
                if failures == READS:
                    raise Temporary(f"reading {key}: {error}") from error

    def upload(self, path: Path, key: str) -> None:
        self._call("upload_file", key, Filename=str(path), Key=key)

    def head(self, key: str) -> ObjectInfo | None:
        try:
            answer = self._call("head_object", key, Key=key)
        except Missing:
            return None
        return ObjectInfo(key, answer["ContentLength"], answer["ETag"].strip('"'), answer["LastModified"].timestamp())

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        token: dict[str, str] = {}
        while True:
            page = self._call("list_objects_v2", prefix, Prefix=prefix, **token)
            for found in page.get("Contents", []):
                if not found["Key"].endswith("/"):
                    yield ObjectInfo(found["Key"], found["Size"], found["ETag"].strip('"'), found["LastModified"].timestamp())
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def delete(self, key: str) -> None:
        self._call("delete_object", key, Key=key)

    def server_time(self) -> float:
        asked, told = self._clock
        since = time.monotonic() - asked
        if since > CLOCK_SECONDS:
            told, since = self._told_time(), 0.0
            self._clock = (time.monotonic(), told)
        return told + since

    def _told_time(self) -> float:
        try:
            headers = self._call("head_bucket", "")["ResponseMetadata"]["HTTPHeaders"]
        except Missing as error:
            # an answer to HEAD has no body that could name the code
            raise BucketRefused(f"there is no bucket {self.bucket!r} (RETRAIN_BUCKET)") from error
        return parsedate_to_datetime(headers["date"]).timestamp() if "date" in headers else time.time()

    def _call(self, operation: str, key: str, **arguments: Any) -> Any:
        from boto3.exceptions import S3UploadFailedError
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

        try:
            return getattr(self._client, operation)(Bucket=self.bucket, **arguments)
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if error.response.get("Error", {}).get("Code") == "NoSuchBucket":
                raise BucketRefused(f"there is no bucket {self.bucket!r} (RETRAIN_BUCKET)") from error
            if status == 404:
                raise Missing(key) from error
            if status in (409, 412):
                raise Conflict(key) from error
            if status >= 500 or status == 429:
                raise Temporary(f"{operation} {key}: {error}") from error
            raise BucketRefused(f"{operation} {key}: {error}") from error
        except NoCredentialsError as error:
            raise BucketRefused("no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY") from error
        except (BotoCoreError, S3UploadFailedError) as error:
            raise Temporary(f"{operation} {key}: {error}") from error

    def _read(self, key: str, **arguments: Any) -> tuple[bytes, Any]:
        """A whole body and the answer that it is of. boto3 tries requests again, but no body that is cut."""
        from botocore.exceptions import BotoCoreError

        failures = 0
        while True:
            answer = self._call("get_object", key, Key=key, **arguments)
            try:
                return answer["Body"].read(), answer
            except (BotoCoreError, OSError) as error:
                failures += 1
                if failures == READS or not self._patient:
                    raise Temporary(f"reading {key}: {error}") from error


def _md5() -> Any:
    return hashlib.md5(usedforsecurity=False)


class FolderStore:
    """A folder with the semantics of a bucket, for one machine: conditions are checked under a lock, writes are renames."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._etags: dict[str, tuple[tuple[int, ...], str]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def _path(self, key: str) -> Path:
        path = self.folder / key
        if not key:
            raise BucketRefused("an object's key is empty")  # as S3 does
        if ".." in Path(key).parts or key.startswith("/"):
            raise Missing(key)
        return path

    def get(self, key: str) -> bytes:
        try:
            return self._path(key).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise Missing(key) from None

    def get_with_etag(self, key: str) -> tuple[bytes, str]:
        data = self.get(key)
        return data, hashlib.md5(data, usedforsecurity=False).hexdigest()

    def get_range(self, key: str, start: int, length: int) -> bytes:
        try:
            with self._path(key).open("rb") as file:
                file.seek(start)
                return file.read(length)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise Missing(key) from None

    def put(self, key: str, data: bytes, *, if_none_match: bool = False, if_match: str | None = None) -> str:
        import fcntl

        path = self._path(key)
        with (self.folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            there = self.head(key)
            if (if_none_match and there) or (if_match is not None and (there is None or there.etag != if_match)):
                raise Conflict(key)
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
            fresh.write_bytes(data)
            fresh.replace(path)
        return hashlib.md5(data, usedforsecurity=False).hexdigest()

    def _etag(self, key: str, file: io.BufferedReader) -> str:
        """The MD5 of an open file, which is read again only if it is another or was changed."""
        stat = os.fstat(file.fileno())
        seen = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        known = self._etags.get(key)
        if known is not None and known[0] == seen:
            return known[1]
        found = hashlib.file_digest(file, _md5).hexdigest()
        if time.time() - max(stat.st_mtime, stat.st_ctime) > SETTLED_SECONDS:
            self._etags[key] = (seen, found)
        return found

    def chunks(self, key: str, etag: str) -> Iterator[bytes]:
        try:
            # what is put meanwhile is another file under this name
            with self._path(key).open("rb") as file:
                if self._etag(key, file) != etag:
                    raise Changed(key)
                file.seek(0)
                while chunk := file.read(CHUNK_BYTES):
                    yield chunk
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise Changed(key) from None

    def upload(self, path: Path, key: str) -> None:
        self.put(key, path.read_bytes())

    def head(self, key: str) -> ObjectInfo | None:
        path = self._path(key)
        try:
            with path.open("rb") as file:
                found, stat = self._etag(key, file), os.fstat(file.fileno())
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None
        return ObjectInfo(key, stat.st_size, found, stat.st_mtime)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        below = self.folder / prefix.rpartition("/")[0]
        found = sorted(p.relative_to(self.folder).as_posix() for p in below.rglob("*") if p.is_file() and not p.name.startswith("."))
        for key in found:
            if key.startswith(prefix) and (info := self.head(key)):
                yield info

    def delete(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)

    def server_time(self) -> float:
        return time.time()
