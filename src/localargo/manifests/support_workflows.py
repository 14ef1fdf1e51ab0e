"""Support for every field of Argo Workflows' resources. A field that is not named here is refused."""

from __future__ import annotations

from localargo.manifests.support_table import Support, Table

PROCESS = "a pod is a process on this machine: "
ONE_PROCESS = PROCESS + "it has one process, so this would change what the step does"
FOREIGN_STORE = "only S3, raw text and http are artifact stores here; put the object into the bucket"
FOREIGN_VOLUME = PROCESS + "volumes are configMap, secret, emptyDir and persistentVolumeClaim (a folder that stays)"
PLUGIN = "plugins are containers that run beside the controller"
OWN_BUCKET = "the engine's own bucket and credentials are used"
DATABASE_LOCK = "locks across controllers need a database; use a mutex name or a ConfigMap"

CREDENTIALS = "accessKeySecret secretKeySecret sessionTokenSecret useSDKCreds roleARN"
CONTAINER_SUPPORTED = "args command env envFrom image name resources volumeMounts workingDir"
CONTAINER_KEPT = "imagePullPolicy ports resizePolicy securityContext stdin stdinOnce terminationMessagePath terminationMessagePolicy tty"
CONTAINER_REFUSED = "lifecycle livenessProbe readinessProbe restartPolicy restartPolicyRules startupProbe volumeDevices"
CONTAINER_NOTES = {
    "image": "recorded, not pulled: the command runs with what is installed on this machine",
    "lifecycle": PROCESS + "its lifecycle hooks do not run",
    "livenessProbe": PROCESS + "it is not probed",
    "readinessProbe": PROCESS + "it is not probed",
    "startupProbe": PROCESS + "it is not probed",
    "restartPolicy": "use the template's retryStrategy",
    "restartPolicyRules": "use the template's retryStrategy",
    "volumeDevices": FOREIGN_VOLUME,
    "securityContext": "processes run as the user who started the engine",
}

ARTIFACT_STORES = "artifactory azure gcs git hdfs oss plugin"
ARTIFACT_NOTES = dict.fromkeys(ARTIFACT_STORES.split(), FOREIGN_STORE)

VOLUMES_REFUSED = (
    "awsElasticBlockStore azureDisk azureFile cephfs cinder csi downwardAPI ephemeral fc flexVolume flocker "
    "gcePersistentDisk gitRepo glusterfs "
    "hostPath image iscsi nfs photonPersistentDisk portworxVolume quobyte rbd scaleIO storageos vsphereVolume"
)

HOOKS = {"hooks": "`exit` alone: a hook that watches a running step would cost every step a state of its own"}
STEP = "arguments continueOn hooks inline name onExit template templateRef when withItems withParam withSequence"

TABLE: Table = {
    "Workflow": Support("apiVersion kind metadata spec", kept="status", notes={"status": "the engine writes its own"}),
    "WorkflowTemplate": Support("apiVersion kind metadata spec"),
    "ClusterWorkflowTemplate": Support("apiVersion kind metadata spec"),
    "k8s.ObjectMeta": Support(
        "annotations generateName labels name namespace",
        kept="creationTimestamp deletionGracePeriodSeconds deletionTimestamp finalizers generation managedFields "
        "ownerReferences resourceVersion "
        "selfLink uid",
    ),
    "WorkflowSpec": Support(
        "activeDeadlineSeconds archiveLogs arguments artifactRepositoryRef entrypoint hooks onExit parallelism "
        "podGC podSpecPatch priority retryStrategy "
        "shutdown suspend synchronization templateDefaults templates ttlStrategy volumeClaimTemplates volumes "
        "workflowMetadata workflowTemplateRef",
        kept="affinity artifactGC automountServiceAccountToken dnsConfig dnsPolicy executor hostAliases hostNetwork "
        "imagePullSecrets metrics "
        "nodeSelector podDisruptionBudget podMetadata podPriorityClassName podResources resourceClaims "
        "schedulerName securityContext "
        "serviceAccountName tolerations volumeClaimGC",
        refused="executorPlugins",
        notes={
            **HOOKS,
            "executorPlugins": PLUGIN,
            "volumeClaimTemplates": "a folder of the state directory, whatever its size and class; it goes with the Workflow",
            "volumeClaimGC": "the folder of a claim goes with the Workflow",
            "serviceAccountName": "its name is a variable; rights are not enforced here",
            "podGC": "the folder of a pod goes, with its logs; archived logs stay in the bucket",
            "ttlStrategy": "the folders of its pods go with the Workflow; artifacts stay in the bucket",
            "podSpecPatch": "of the patched pod only what a process has is honoured (env, resources, command, volumes)",
        },
    ),
    "TTLStrategy": Support("secondsAfterCompletion secondsAfterFailure secondsAfterSuccess"),
    "PodGC": Support("deleteDelayDuration labelSelector strategy"),
    "k8s.LabelSelector": Support("matchExpressions matchLabels"),
    "k8s.LabelSelectorRequirement": Support("key operator values"),
    "WorkflowTemplateRef": Support("clusterScope name"),
    "WorkflowMetadata": Support("annotations labels labelsFrom"),
    "LabelValueFrom": Support("expression"),
    "ArtifactRepositoryRef": Support("configMap key"),
    "Template": Support(
        "activeDeadlineSeconds archiveLocation container dag http inputs memoize name outputs "
        "parallelism podSpecPatch "
        "resource retryStrategy script steps suspend synchronization timeout volumes",
        kept="affinity annotations automountServiceAccountToken executor hostAliases metadata metrics nodeSelector "
        "pendingTimeout podResources "
        "priorityClassName resourceClaims schedulerName securityContext serviceAccountName tolerations",
        refused="containerSet daemon data failFast initContainers plugin sidecars",
        notes={
            "containerSet": ONE_PROCESS + "; use steps, which may run in parallel, or one script",
            "daemon": ONE_PROCESS + "; start servers outside the workflow",
            "data": "listing a bucket is a step of its own here: write a container that prints the list",
            "failFast": "it would cost every node a count of those that failed below it; a dag has a `failFast` of its own",
            "initContainers": ONE_PROCESS + "; use a step before this one",
            "plugin": PLUGIN,
            "sidecars": ONE_PROCESS + "; start what runs beside the step in its command",
            "pendingTimeout": "pods do not wait for a node here",
            "http": "on loopback and allowed hosts only",
        },
    ),
    "Inputs": Support("artifacts parameters"),
    "Outputs": Support(
        "artifacts parameters", kept="exitCode result", notes={"exitCode": "a result, not a setting", "result": "a result, not a setting"}
    ),
    "Arguments": Support("artifacts parameters"),
    "Parameter": Support("default description enum globalName name value valueFrom"),
    "ValueFrom": Support(
        "configMapKeyRef default expression jqFilter jsonPath parameter path supplied",
        refused="event",
        notes={"event": "only Argo Server's WorkflowEventBinding fills it; a Sensor gives the event as a parameter"},
    ),
    "SuppliedValueFrom": Support(),
    "k8s.ConfigMapKeySelector": Support("key name optional"),
    "k8s.SecretKeySelector": Support("key name optional"),
    "k8s.LocalObjectReference": Support("name"),
    "Artifact": Support(
        "archive archiveLogs from fromExpression globalName http mode name optional path raw recurseMode s3 subPath",
        kept="artifactGC deleted",
        refused=ARTIFACT_STORES,
        notes=ARTIFACT_NOTES,
    ),
    "ArtifactLocation": Support("archiveLogs http raw s3", refused=ARTIFACT_STORES, notes=ARTIFACT_NOTES),
    "ArchiveStrategy": Support("none tar zip"),
    "NoneStrategy": Support(),
    "ZipStrategy": Support(),
    "TarStrategy": Support("compressionLevel"),
    "RawArtifact": Support("data"),
    "HTTPArtifact": Support("auth headers url", kept="saveStreamViaFile"),
    "HTTPAuth": Support(
        "basicAuth", refused="clientCert oauth2", notes=dict.fromkeys(("clientCert", "oauth2"), "use basicAuth or a header")
    ),
    "BasicAuth": Support("passwordSecret usernameSecret"),
    "Header": Support("name value"),
    "S3Artifact": Support(
        "bucket endpoint key",
        kept="accessKeySecret addressingStyle caSecret createBucketIfNotPresent insecure region roleARN "
        "secretKeySecret sessionTokenSecret useSDKCreds",
        refused="encryptionOptions",
        notes={
            "endpoint": "the engine's own bucket only (s3:8333)",
            "encryptionOptions": "objects are stored unencrypted on this machine",
            **dict.fromkeys(CREDENTIALS.split(), OWN_BUCKET),
        },
    ),
    "WorkflowStep": Support(STEP, notes=HOOKS),
    "DAGTask": Support(STEP + " dependencies depends", notes=HOOKS),
    "DAGTemplate": Support("failFast target tasks"),
    "ContinueOn": Support("error failed"),
    "LifecycleHook": Support("arguments expression template templateRef"),
    "TemplateRef": Support("clusterScope name template"),
    "Sequence": Support("count end format start"),
    "RetryStrategy": Support("backoff expression limit retryPolicy", kept="affinity", notes={"affinity": "there is one machine"}),
    "Backoff": Support("cap duration factor maxDuration"),
    "Memoize": Support("cache key maxAge"),
    "Cache": Support("configMap"),
    "Synchronization": Support("mutexes semaphores"),
    "Mutex": Support("name namespace", refused="database", notes={"database": DATABASE_LOCK}),
    "SemaphoreRef": Support("configMapKeyRef namespace", refused="database", notes={"database": DATABASE_LOCK}),
    "SuspendTemplate": Support("duration"),
    "ResourceTemplate": Support(
        "action manifest mergeStrategy setOwnerReference",
        refused="failureCondition flags manifestFrom successCondition",
        notes={
            **dict.fromkeys(
                ("failureCondition", "successCondition"),
                "a step does not wait for the document that it changes: call the other WorkflowTemplate as a step, by templateRef",
            ),
            "flags": "resource templates do not run kubectl; only action and manifest count",
            "manifestFrom": "write the manifest in the template",
            "manifest": "Workflow, WorkflowTemplate and ConfigMap only",
        },
    ),
    "HTTP": Support("body bodyFrom headers insecureSkipVerify method successCondition timeoutSeconds url"),
    "HTTPBodySource": Support("bytes"),
    "HTTPHeader": Support("name value valueFrom"),
    "HTTPHeaderSource": Support("secretKeyRef"),
    "ScriptTemplate": Support(CONTAINER_SUPPORTED + " source", CONTAINER_KEPT, CONTAINER_REFUSED, CONTAINER_NOTES),
    "k8s.Container": Support(CONTAINER_SUPPORTED, CONTAINER_KEPT, CONTAINER_REFUSED, CONTAINER_NOTES),
    "k8s.ResourceRequirements": Support(
        "limits", kept="claims requests", notes={"requests": "nothing is reserved on this machine; limits hold"}
    ),
    "k8s.EnvVar": Support("name value valueFrom"),
    "k8s.EnvVarSource": Support(
        "configMapKeyRef fieldRef secretKeyRef",
        refused="fileKeyRef resourceFieldRef",
        notes={
            "fieldRef": "the pod's name, namespace, labels and annotations; its addresses are this machine's",
            "resourceFieldRef": PROCESS + "write the value",
            "fileKeyRef": PROCESS + "write the value",
        },
    ),
    "k8s.ObjectFieldSelector": Support("fieldPath", kept="apiVersion"),
    "k8s.EnvFromSource": Support("configMapRef prefix secretRef"),
    "k8s.ConfigMapEnvSource": Support("name optional"),
    "k8s.SecretEnvSource": Support("name optional"),
    "k8s.Volume": Support(
        "configMap emptyDir name persistentVolumeClaim projected secret",
        refused=VOLUMES_REFUSED,
        notes={
            **dict.fromkeys(VOLUMES_REFUSED.split(), FOREIGN_VOLUME),
            "persistentVolumeClaim": "a folder of the state directory that stays",
        },
    ),
    "k8s.ConfigMapVolumeSource": Support("items name optional", kept="defaultMode"),
    "k8s.SecretVolumeSource": Support("items optional secretName", kept="defaultMode"),
    "k8s.ProjectedVolumeSource": Support("sources", kept="defaultMode"),
    "k8s.VolumeProjection": Support(
        "configMap secret",
        refused="clusterTrustBundle downwardAPI podCertificate serviceAccountToken",
        notes=dict.fromkeys(
            ("clusterTrustBundle", "downwardAPI", "podCertificate", "serviceAccountToken"),
            PROCESS + "ConfigMaps and Secrets can be projected",
        ),
    ),
    "k8s.ConfigMapProjection": Support("items name optional"),
    "k8s.SecretProjection": Support("items name optional"),
    "k8s.KeyToPath": Support("key path", kept="mode"),
    "k8s.EmptyDirVolumeSource": Support(kept="medium sizeLimit"),
    "k8s.PersistentVolumeClaimVolumeSource": Support("claimName readOnly"),
    "k8s.PersistentVolumeClaim": Support("metadata", kept="apiVersion kind spec status"),
    "k8s.VolumeMount": Support(
        "mountPath name readOnly subPath",
        kept="mountPropagation recursiveReadOnly",
        refused="subPathExpr",
        notes={"subPathExpr": "use subPath with a tag"},
    ),
}
