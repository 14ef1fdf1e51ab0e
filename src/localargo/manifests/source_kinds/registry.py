"""Every kind of EventSource by the name of its field in `spec`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from localargo.manifests.source_kinds import calendar, minio, replay_only, webhook
from localargo.manifests.source_kinds.kind import SourceKind

KINDS: Final[Mapping[str, SourceKind]] = {
    "amqp": replay_only.AMQP,
    "azureEventsHub": replay_only.AZURE_EVENTS_HUB,
    "azureQueueStorage": replay_only.AZURE_QUEUE_STORAGE,
    "azureServiceBus": replay_only.AZURE_SERVICE_BUS,
    "bitbucket": replay_only.BITBUCKET,
    "bitbucketserver": replay_only.BITBUCKETSERVER,
    "calendar": calendar.KIND,
    "emitter": replay_only.EMITTER,
    "file": replay_only.FILE,
    "generic": replay_only.GENERIC,
    "gerrit": replay_only.GERRIT,
    "github": replay_only.GITHUB,
    "gitlab": replay_only.GITLAB,
    "hdfs": replay_only.HDFS,
    "kafka": replay_only.KAFKA,
    "minio": minio.KIND,
    "mns": replay_only.MNS,
    "mqtt": replay_only.MQTT,
    "nats": replay_only.NATS,
    "nsq": replay_only.NSQ,
    "pubSub": replay_only.PUB_SUB,
    "pulsar": replay_only.PULSAR,
    "redis": replay_only.REDIS,
    "redisStream": replay_only.REDIS_STREAM,
    "resource": replay_only.RESOURCE,
    "sftp": replay_only.SFTP,
    "slack": replay_only.SLACK,
    "sns": replay_only.SNS,
    "sqs": replay_only.SQS,
    "storageGrid": replay_only.STORAGE_GRID,
    "stripe": replay_only.STRIPE,
    "webhook": webhook.KIND,
}
RUNNING: Final = tuple(name for name, kind in KINDS.items() if kind.driver)


def filter_expression(kind: str, spec: Mapping[str, Any]) -> str:
    """The `filter.expression` of an event; empty when it has none, or when its kind has no such field."""
    if kind in KINDS and not KINDS[kind].filters_payload:
        return ""
    return str((spec.get("filter") or {}).get("expression") or "")
