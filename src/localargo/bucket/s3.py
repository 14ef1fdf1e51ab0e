"""A bucket through boto3, with bounded retries. Calls block: run them in threads."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localargo.errors import AlreadyExists, InvalidInput, LocalArgoError, NotFound, Unavailable

ATTEMPTS = 5
CONNECT_SECONDS = 5
READ_SECONDS = 60
MISSING = {"NoSuchKey", "404", "NotFound", "NoSuchBucket"}
CONDITION_FAILED = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}
REFUSED = {"AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch"}


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object of a listing. `etag` without quotes, `modified` in seconds since the epoch."""

    key: str
    size: int
    etag: str
    modified: float


class ConditionFailed(AlreadyExists):
    """A conditional PUT failed: the object exists already, or has changed."""


class S3Bucket:
    """One bucket. `environment` holds the standard AWS variables; those of the process are not read."""

    def __init__(self, name: str, environment: Mapping[str, str]) -> None:
        self.name = name
        self._environment = dict(environment)
        self._lock = threading.Lock()
        self._made: Any = None

    def other(self, name: str) -> S3Bucket:
        """Another bucket on the same server, with the same keys."""
        bucket = S3Bucket(name, self._environment)
        bucket._made = self.client
        return bucket

    @property
    def client(self) -> Any:
        """The boto3 client (one for all threads; it is thread-safe)."""
        with self._lock:
            if self._made is None:
                self._made = self._connect()
            return self._made

    def _connect(self) -> Any:
        import boto3
        from botocore.config import Config

        env = self._environment
        config = Config(
            retries={"max_attempts": ATTEMPTS, "mode": "standard"},
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            max_pool_connections=32,
            s3={"addressing_style": "path"},
            proxies={},
        )
        session = boto3.session.Session(
            aws_access_key_id=env.get("AWS_ACCESS_KEY_ID"),
            aws_secret_access_key=env.get("AWS_SECRET_ACCESS_KEY"),
            aws_session_token=env.get("AWS_SESSION_TOKEN"),
            region_name=env.get("AWS_DEFAULT_REGION") or env.get("AWS_REGION") or "us-east-1",
        )
        endpoint = env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL") or None
        return session.client("s3", endpoint_url=endpoint, config=config)

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            if self._made is not None:
                self._made.close()
                self._made = None

    @contextlib.contextmanager
    def _asking(self, key: str) -> Iterator[None]:
        """Translates boto3's errors into the engine's."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as e:
            raise self._error(key, e.response) from None
        except BotoCoreError as e:
            raise Unavailable(f"bucket {self.name}: {e}") from None

    def _error(self, key: str, response: Mapping[str, Any]) -> LocalArgoError:
        code = str(response.get("Error", {}).get("Code", ""))
        text = response.get("Error", {}).get("Message", "")
        if code in MISSING:
            what = "The specified bucket does not exist." if code == "NoSuchBucket" else "The specified key does not exist."
            return NotFound(f"{self.name}/{key}: {what}")
        if code in CONDITION_FAILED:
            return ConditionFailed(f"{self.name}/{key}: another writer has changed it in the meantime")
        if code in REFUSED:
            return InvalidInput(f"{self.name}/{key}: {code}: {text} Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.")
        return Unavailable(f"{self.name}/{key}: {code}: {text}")

    # ------------------------------------------------------------------------------------------ objects

    def get(self, key: str) -> bytes:
        """The object's content. Raises NotFound."""
        with self._asking(key):
            body: bytes = self.client.get_object(Bucket=self.name, Key=key)["Body"].read()
        return body

    def get_with_etag(self, key: str) -> tuple[bytes, str]:
        """Content and ETag of one version of the object. Raises NotFound."""
        with self._asking(key):
            answer = self.client.get_object(Bucket=self.name, Key=key)
            return answer["Body"].read(), answer["ETag"].strip('"')

    def put(self, key: str, data: bytes) -> str:
        """Write the object whole and return its ETag."""
        return self._put(key, data, {})

    def put_new(self, key: str, data: bytes) -> str:
        """Write the object unless there is one. Raises ConditionFailed."""
        return self._put(key, data, {"IfNoneMatch": "*"})

    def put_if(self, key: str, data: bytes, etag: str) -> str:
        """Replace the object if it still has this ETag. Raises ConditionFailed (also when it is gone)."""
        try:
            return self._put(key, data, {"IfMatch": f'"{etag}"'})
        except NotFound as e:
            raise ConditionFailed(str(e)) from None

    def _put(self, key: str, data: bytes, conditions: dict[str, str]) -> str:
        with self._asking(key):
            etag: str = self.client.put_object(Bucket=self.name, Key=key, Body=data, **conditions)["ETag"]
        return etag.strip('"')

    def head(self, key: str) -> ObjectInfo | None:
        """The object's metadata; None when it does not exist."""
        try:
            with self._asking(key):
                answer = self.client.head_object(Bucket=self.name, Key=key)
        except NotFound:
            return None
        return ObjectInfo(key, answer["ContentLength"], answer["ETag"].strip('"'), answer["LastModified"].timestamp())

    def exists(self, key: str) -> bool:
        """Whether the object exists."""
        return self.head(key) is not None

    def delete(self, key: str) -> None:
        """Remove the object; it need not exist."""
        with self._asking(key):
            self.client.delete_object(Bucket=self.name, Key=key)

    def download(self, key: str, to: Path) -> None:
        """The object as a file (in parts, in parallel, when it is large). Raises NotFound."""
        to.parent.mkdir(parents=True, exist_ok=True)
        with self._asking(key):
            self.client.download_file(self.name, key, str(to))

    def upload(self, path: Path, key: str) -> None:
        """The file as an object (in parts when it is large)."""
        from boto3.exceptions import S3UploadFailedError

        try:
            with self._asking(key):
                self.client.upload_file(str(path), self.name, key)
        except S3UploadFailedError as e:
            raise Unavailable(f"{self.name}/{key}: {e}") from None

    # ------------------------------------------------------------------------------------------ listing

    def objects(self, prefix: str) -> Iterator[ObjectInfo]:
        """All objects below the prefix in key order, page by page."""
        token: dict[str, str] = {}
        while True:
            with self._asking(prefix):
                page = self.client.list_objects_v2(Bucket=self.name, Prefix=prefix, **token)
            for item in page.get("Contents", ()):
                yield ObjectInfo(item["Key"], item["Size"], item["ETag"].strip('"'), item["LastModified"].timestamp())
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def list(self, prefix: str) -> list[str]:
        """Keys below the prefix, in order."""
        return [found.key for found in self.objects(prefix)]

    def create(self) -> None:
        """Create the bucket unless it exists."""
        try:
            with self._asking(""):
                self.client.create_bucket(Bucket=self.name)
        except LocalArgoError as e:
            if "BucketAlready" not in str(e) and not isinstance(e, ConditionFailed):
                raise
