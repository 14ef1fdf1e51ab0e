"""Support for every field of Argo Events' resources. A field that is not named here is refused."""

from __future__ import annotations

from localargo.manifests.source_kinds.registry import KINDS, RUNNING
from localargo.manifests.support_table import Support, Table

LUA = "Lua 5.1 with `string`, `table` and `math`; it sees `event` alone, and its work is bounded"
TRIGGERS = "awsLambda azureEventHubs azureServiceBus custom email kafka nats openWhisk pulsar slack"
NEEDS_TARGET = "this trigger needs a service that is not here; triggers here are k8s, argoWorkflow, http and log"
ON_A_POD = "the engine itself listens: there is no pod"
SOURCES_ELSEWHERE = "write the resource in the trigger (source.resource or source.inline)"
ONE_BUS = "there is one bus, a journal in the state folder"

POD_TEMPLATE = "affinity imagePullSecrets metadata nodeSelector priority priorityClassName securityContext serviceAccountName tolerations"

TABLE: Table = {
    "EventSource": Support("apiVersion kind metadata spec", kept="status"),
    "Sensor": Support("apiVersion kind metadata spec", kept="status"),
    "EventBus": Support("apiVersion kind metadata spec", kept="status"),
    "k8s.ObjectMeta": Support(
        "annotations generateName labels name namespace",
        kept="creationTimestamp deletionGracePeriodSeconds deletionTimestamp finalizers generation managedFields "
        "ownerReferences resourceVersion "
        "selfLink uid",
    ),
    "EventBusSpec": Support(
        "jetstream",
        kept="jetstreamExotic",
        refused="kafka nats",
        notes={
            "jetstream": ONE_BUS + " that acts as JetStream does",
            "jetstreamExotic": "an external bus is not used; " + ONE_BUS,
            "kafka": "Kafka as a bus matches events in another way; " + ONE_BUS,
            "nats": "the STAN bus is deprecated and loses events; write jetstream",
        },
    ),
    "JetStreamBus": Support(
        kept=POD_TEMPLATE
        + " containerTemplate maxPayload metricsContainerTemplate persistence reloaderContainerTemplate replicas settings startArgs "
        "streamConfig version",
    ),
    "EventSourceSpec": Support(
        " ".join(["eventBusName", *RUNNING]),
        kept="replicas service template",
        refused=" ".join(name for name in KINDS if name not in RUNNING),
        notes={
            **{name: kind.refusal for name, kind in KINDS.items()},
            "eventBusName": ONE_BUS + ", whatever the name",
            "template": ON_A_POD,
            "replicas": ON_A_POD,
            "service": "webhooks listen on the ports of this machine",
        },
    ),
    "EventSourceFilter": Support("expression"),
    **{definition: fields for kind in KINDS.values() for definition, fields in kind.schema.items()},
    "SensorSpec": Support(
        "dependencies eventBusName triggers",
        kept="errorOnFailedRound loggingFields replicas revisionHistoryLimit template",
        notes={
            "eventBusName": ONE_BUS + ", whatever the name",
            "template": ON_A_POD,
            "replicas": ON_A_POD,
            "revisionHistoryLimit": ON_A_POD,
        },
    ),
    "EventDependency": Support("eventName eventSourceName filters filtersLogicalOperator name transform"),
    "EventDependencyTransformer": Support("jq script", notes={"script": LUA}),
    "EventDependencyFilter": Support(
        "context data dataLogicalOperator exprLogicalOperator exprs script time",
        notes={"script": LUA},
    ),
    "EventContext": Support("datacontenttype id source specversion subject time type"),
    "DataFilter": Support("comparator path template type value"),
    "ExprFilter": Support("expr fields"),
    "PayloadField": Support("name path"),
    "TimeFilter": Support("start stop timezone"),
    "Trigger": Support(
        "atLeastOnce dlqTrigger parameters rateLimit retryStrategy template",
        refused="policy",
        notes={"policy": "the outcome of created objects is not watched; a retry after a failed policy would create them twice"},
    ),
    "RateLimit": Support("requestsPerUnit unit"),
    "Backoff": Support("duration factor jitter steps"),
    "TriggerTemplate": Support(
        "argoWorkflow conditions conditionsReset http k8s log name",
        refused=TRIGGERS,
        notes=dict.fromkeys(TRIGGERS.split(), NEEDS_TARGET),
    ),
    "ConditionsResetCriteria": Support("byTime"),
    "ConditionsResetByTime": Support("cron timezone"),
    "StandardK8STrigger": Support(
        "operation parameters patchStrategy source",
        refused="liveObject",
        notes={
            "liveObject": "parameters change the trigger's resource, not the existing object",
            "source": "Workflow and WorkflowTemplate",
        },
    ),
    "ArgoWorkflowTrigger": Support("args operation parameters source"),
    "ArtifactLocation": Support(
        "configmap inline resource",
        refused="file git s3 url",
        notes=dict.fromkeys(["file", "git", "s3", "url"], SOURCES_ELSEWHERE),
    ),
    "k8s.ConfigMapKeySelector": Support("key name optional"),
    "k8s.SecretKeySelector": Support("key name optional"),
    "HTTPTrigger": Support(
        "basicAuth dynamicHeaders headers host method parameters payload secureHeaders timeout url",
        refused="tls",
        notes={"tls": "client certificates are not used; http triggers reach loopback and allowed hosts only"},
    ),
    "BasicAuth": Support("password username"),
    "SecureHeader": Support("name valueFrom"),
    "ValueFromSource": Support("configMapKeyRef secretKeyRef"),
    "LogTrigger": Support("intervalSeconds"),
    "TriggerParameter": Support("dest operation src"),
    "TriggerParameterSource": Support("contextKey contextTemplate dataKey dataTemplate dependencyName useRawData value"),
}
