"""The embedded engine's stand-ins for what a cluster has: the Secrets `s3`, `s3-upload` and `webhook-token`, the bucket behind the
Service `s3`."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

from localargo.bucket.s3 import S3Bucket
from localargo.bucket.seaweedfs import Change, SeaweedFS
from localargo.errors import InvalidInput
from localargo.ports import Doc
from localargo.services import (
    KEY_FORMAT,
    S3_NAME,
    UPLOAD_NAME,
    WEBHOOK_NAME,
    default_repository,
    is_own_endpoint,
    needs_bucket,
    secret,
    secret_value,
)
from localargo.settings import Settings
from localargo.workflows.admission import Admission
from localargo.workflows.objects import Documents

OURS = "localargo/made-by"


class StandIns:
    """Starts the bucket when it is first needed; `stop` ends it, or leaves it to the next engine."""

    def __init__(self, state: Path, settings: Settings, documents: Documents, admission: Admission) -> None:
        self._server = SeaweedFS(state, settings.bucket, settings.variable("BUCKET"), self._moved)
        self._documents = documents
        self._admission = admission
        self._store: S3Bucket | None = None
        self._starting = asyncio.Lock()
        documents.repository = default_repository(self._server.bucket)
        documents.resolve_repository = self._resolve_repository

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables for S3 clients; empty until the bucket runs."""
        return {} if self._store is None else self._server.environment

    async def bucket(self) -> S3Bucket:
        """The engine's own bucket, started if necessary. Raises Unavailable."""
        async with self._starting:
            if self._store is None:
                environment = await self._server.start()
                self._store = S3Bucket(self._server.bucket, environment)
                self._offer(environment)
        return self._store

    def _moved(self) -> None:
        """The server died, and answers at another address since it was started again."""
        if self._store is not None:
            self._store.close()
            self._store = S3Bucket(self._server.bucket, self._server.environment)
            self._offer(self._server.environment)

    async def stop(self, detach: bool, ours: bool = True) -> None:
        """Close the connections to the bucket and, unless `detach`, end its server; of a state folder that is not `ours` any more nothing
        is touched."""
        if self._store is not None:
            self._store.close()
        await self._server.let_go()
        if not ours:
            await self._server.abandon()
        elif not detach:  # also a server that a killed engine left running and that this engine did not need
            await self._server.stop()

    async def provide(self, documents: Sequence[Doc]) -> None:
        """Create what the documents expect of a cluster, before they are applied. Secrets among the documents take precedence."""
        brought = {(d.get("metadata") or {}).get("name") for d in documents if d.get("kind") == "Secret"}
        if WEBHOOK_NAME not in brought and self._documents.get("Secret", WEBHOOK_NAME) is None:
            self._put(WEBHOOK_NAME, {"token": secrets.token_urlsafe(32)})
        if S3_NAME not in brought and any(needs_bucket(d) for d in documents):
            await self.bucket()

    def secret(self, name: str, key: str) -> str | None:
        """One decoded value of a Secret; None when it does not exist."""
        return secret_value(self._documents.get("Secret", name), key)

    def changes(self, spec: Doc) -> Callable[[str, int], AsyncIterator[Change]] | None:
        """The change log of the engine's bucket, for a minio event that names the Service `s3`; None for any other store."""
        return self._changes if is_own_endpoint(str(spec.get("endpoint") or ""), self._documents.namespace) else None

    async def _changes(self, prefix: str, since: int) -> AsyncIterator[Change]:
        await self.bucket()
        async for change in self._server.changes(prefix, since):
            yield change

    def store_of(self, spec: Doc) -> S3Bucket:
        """The store that a minio event names, with the access keys from its Secrets. Raises InvalidInput."""
        keys = {}
        for field, variable in (("accessKey", "AWS_ACCESS_KEY_ID"), ("secretKey", "AWS_SECRET_ACCESS_KEY")):
            reference = spec.get(field) or {}
            value = self.secret(str(reference.get("name") or ""), str(reference.get("key") or ""))
            if value is None:
                raise InvalidInput(
                    f"minio event: {field} names Secret {reference.get('name')} key {reference.get('key')}, which does not exist: apply it"
                )
            keys[variable] = value
        scheme = "http" if spec.get("insecure") else "https"
        region = str(spec.get("region") or "us-east-1")
        environment = {"AWS_ENDPOINT_URL_S3": f"{scheme}://{spec.get('endpoint')}", "AWS_DEFAULT_REGION": region, **keys}
        return S3Bucket(str((spec.get("bucket") or {}).get("name") or ""), environment)

    def _offer(self, environment: Mapping[str, str]) -> None:
        for name in (S3_NAME, UPLOAD_NAME):
            there = self._documents.get("Secret", name)
            if there is None or (there["metadata"].get("annotations") or {}).get(OURS):
                self._put(name, environment)
        self._documents.repository = default_repository(self._server.bucket)
        self._documents.forget_world()

    def _put(self, name: str, values: Mapping[str, str]) -> None:
        made = secret(name, values)
        made["metadata"]["annotations"] = {OURS: "engine"}
        self._admission.apply(made)

    def _resolve_repository(self, given: Doc) -> Doc:
        s3 = given.get("s3") or {}
        endpoint = str(s3.get("endpoint") or "")
        if endpoint and not is_own_endpoint(endpoint, self._documents.namespace):
            raise InvalidInput(
                f"workflow-controller-configmap: artifactRepository.s3.endpoint {endpoint} is not supported here: "
                "use s3:8333, or leave it out"
            )
        return {"s3": {"keyFormat": KEY_FORMAT, **s3, "bucket": self._server.bucket}}
