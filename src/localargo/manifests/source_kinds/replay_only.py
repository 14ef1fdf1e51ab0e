"""The kinds that do not run here: their samples can be replayed, and their manifests are refused with the reason."""

from __future__ import annotations

import json

from localargo.manifests.source_kinds.kind import SourceKind

NEEDS_SERVICE = "this source needs a service that is not here; it runs on a cluster, and its events can be replayed here"
UPLOAD = {
    "Records": [
        {
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": "retrain"}, "object": {"key": "incoming/flight-delay/2013-01.csv", "size": 2741520}},
        }
    ]
}

AMQP = SourceKind(
    refusal=NEEDS_SERVICE,
    sample={
        "contentType": "application/json",
        "contentEncoding": "",
        "deliveryMode": 1,
        "priority": 0,
        "correlationId": "",
        "replyTo": "",
        "expiration": "",
        "messageId": "1",
        "timestamp": "2026-11-22T10:00:00Z",
        "type": "",
        "appId": "",
        "exchange": "data",
        "routingKey": "landed",
        "body": {"model": "flight-delay"},
        "metadata": {},
    },
)
AZURE_EVENTS_HUB = SourceKind(refusal=NEEDS_SERVICE, sample={"id": "", "body": {"model": "flight-delay"}, "metadata": {}})
AZURE_QUEUE_STORAGE = SourceKind(
    refusal=NEEDS_SERVICE,
    sample={"messageID": "6f1c", "body": {"model": "flight-delay"}, "insertionTime": "2026-11-22T10:00:00Z", "metadata": {}},
)
AZURE_SERVICE_BUS = SourceKind(
    refusal=NEEDS_SERVICE,
    sample={
        "applicationProperties": {},
        "contentType": "application/json",
        "correlationID": None,
        "enqueuedTime": "2026-11-22T10:00:00Z",
        "messageID": "1",
        "replyTo": None,
        "sequenceNumber": 1,
        "subject": None,
        "body": {"model": "flight-delay"},
        "metadata": {},
    },
)
BITBUCKET = SourceKind(
    refusal=NEEDS_SERVICE,
    replicated=True,
    sample={
        "headers": {"X-Event-Key": ["repo:push"]},
        "body": {"push": {"changes": [{"new": {"name": "main"}}]}, "repository": {"full_name": "team/models"}},
        "metadata": {},
    },
)
BITBUCKETSERVER = SourceKind(
    refusal=NEEDS_SERVICE,
    replicated=True,
    sample={
        "headers": {"X-Event-Key": ["repo:refs_changed"]},
        "body": {"eventKey": "repo:refs_changed", "changes": [{"ref": {"displayId": "main"}}]},
        "metadata": {},
    },
)
EMITTER = SourceKind(refusal=NEEDS_SERVICE, sample={"topic": "landed", "body": {"model": "flight-delay"}, "metadata": {}})
FILE = SourceKind(
    refusal="put files into the bucket: the minio source sees them",
    sample={"name": "/data/incoming/flight-delay/2013-01.csv", "op": "CREATE", "metadata": {}},
)
GENERIC = SourceKind(
    refusal="this source is a gRPC service of your own; it runs on a cluster, and its events can be replayed here",
    sample={"body": {"model": "flight-delay"}, "metadata": {}},
)
GERRIT = SourceKind(
    refusal=NEEDS_SERVICE,
    sample={
        "headers": {},
        "body": {"type": "ref-updated", "refUpdate": {"refName": "refs/heads/main", "project": "models"}},
        "metadata": {},
    },
)
GITHUB = SourceKind(
    refusal=NEEDS_SERVICE,
    replicated=True,
    sample={
        "headers": {"X-Github-Event": ["push"], "X-Github-Delivery": ["8b1c6f52-69d0-11ef-9a1b-000000000000"]},
        "body": {
            "ref": "refs/heads/main",
            "after": "0000000000000000000000000000000000000001",
            "repository": {"full_name": "team/models"},
            "commits": [{"modified": ["models/flight-delay.yaml"]}],
        },
        "metadata": {},
    },
)
GITLAB = SourceKind(
    refusal=NEEDS_SERVICE,
    replicated=True,
    sample={
        "headers": {"X-Gitlab-Event": ["Push Hook"]},
        "body": {"object_kind": "push", "ref": "refs/heads/main", "project": {"path_with_namespace": "team/models"}},
        "metadata": {},
    },
)
HDFS = SourceKind(refusal=NEEDS_SERVICE, sample={"name": "/data/incoming/flight-delay/2013-01.csv", "op": "CREATE", "metadata": {}})
KAFKA = SourceKind(
    refusal=NEEDS_SERVICE,
    sample={
        "topic": "landed",
        "key": "flight-delay",
        "partition": 0,
        "body": {"model": "flight-delay"},
        "timestamp": "2026-11-22 10:00:00 +0000 UTC",
        "headers": {},
        "metadata": {},
    },
)
MNS = SourceKind(refusal=NEEDS_SERVICE, sample={"body": {"model": "flight-delay"}, "metadata": {}})
MQTT = SourceKind(refusal=NEEDS_SERVICE, sample={"topic": "landed", "messageId": 1, "body": {"model": "flight-delay"}, "metadata": {}})
NATS = SourceKind(refusal=NEEDS_SERVICE, sample={"subject": "landed", "header": {}, "body": {"model": "flight-delay"}, "metadata": {}})
NSQ = SourceKind(
    refusal=NEEDS_SERVICE,
    sample={"body": {"model": "flight-delay"}, "timestamp": "1760000000000000000", "nsqdAddress": "nsqd:4150", "metadata": {}},
)
PUB_SUB = SourceKind(
    refusal=NEEDS_SERVICE,
    sample={
        "id": "1",
        "body": {"model": "flight-delay"},
        "attributes": {"eventType": "OBJECT_FINALIZE", "objectId": "incoming/flight-delay/2013-01.csv"},
        "publishTime": "2026-11-22T10:00:00Z",
        "metadata": {},
    },
)
PULSAR = SourceKind(
    refusal=NEEDS_SERVICE,
    sample={"key": "flight-delay", "body": {"model": "flight-delay"}, "publishTime": "2026-11-22T10:00:00Z", "metadata": {}},
)
REDIS = SourceKind(refusal=NEEDS_SERVICE, sample={"channel": "landed", "pattern": "", "body": "flight-delay", "metadata": {}})
REDIS_STREAM = SourceKind(
    refusal=NEEDS_SERVICE, sample={"stream": "landed", "message_id": "1760000000000-0", "values": {"model": "flight-delay"}, "metadata": {}}
)
RESOURCE = SourceKind(
    refusal="there is no Kubernetes API to watch here; its events can be replayed",
    sample={
        "eventType": "ADD",
        "body": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "models", "namespace": "retrain"}},
        "group": "",
        "version": "v1",
        "resource": "configmaps",
        "metadata": {},
    },
)
SFTP = SourceKind(refusal=NEEDS_SERVICE, sample={"name": "/incoming/flight-delay/2013-01.csv", "op": "CREATE", "metadata": {}})
SLACK = SourceKind(
    refusal=NEEDS_SERVICE,
    replicated=True,
    sample={
        "type": "app_mention",
        "token": "",
        "team_id": "T1",
        "event": {"type": "message", "text": "retrain flight-delay"},
        "metadata": {},
    },
)
SNS = SourceKind(
    refusal=NEEDS_SERVICE,
    replicated=True,
    sample={
        "header": {"X-Amz-Sns-Message-Type": ["Notification"]},
        "body": {
            "Type": "Notification",
            "MessageId": "1",
            "TopicArn": "arn:aws:sns:eu-central-1:1:landed",
            "Subject": "Amazon S3 Notification",
            "Message": json.dumps(UPLOAD, separators=(",", ":")),
            "Timestamp": "2026-11-22T10:00:00.000Z",
        },
        "metadata": {},
    },
)
SQS = SourceKind(
    refusal=NEEDS_SERVICE,
    replicated=True,
    recognised_by=(("messageId", "body"),),
    sample={
        "messageId": "1",
        "messageAttributes": {},
        "body": {
            "Records": [
                {
                    "eventVersion": "2.1",
                    "eventSource": "aws:s3",
                    "awsRegion": "eu-central-1",
                    "eventTime": "2026-11-22T10:00:05.123Z",
                    "eventName": "ObjectCreated:Put",
                    "s3": {
                        "bucket": {"name": "retrain"},
                        "object": {
                            "key": "incoming/flight-delay/2013-01.csv",
                            "size": 2741520,
                            "eTag": "9e107d9d372bb6826bd81d3542a419d6",
                            "sequencer": "0055AED6DCD90281E5",
                        },
                    },
                }
            ]
        },
        "metadata": {},
    },
)
STORAGE_GRID = SourceKind(
    refusal=NEEDS_SERVICE,
    replicated=True,
    sample={
        "notification": {
            "Action": "Publish",
            "Message": {
                "Records": [
                    {
                        "eventName": "ObjectCreated:Put",
                        "s3": {"bucket": {"name": "retrain"}, "object": {"key": "incoming/flight-delay/2013-01.csv", "size": 2741520}},
                    }
                ]
            },
            "TopicArn": "urn:landed",
            "Version": "2010-03-31",
        },
        "metadata": {},
    },
)
STRIPE = SourceKind(
    refusal=NEEDS_SERVICE, replicated=True, sample={"event": {"id": "evt_1", "object": "event", "type": "charge.succeeded"}, "metadata": {}}
)
