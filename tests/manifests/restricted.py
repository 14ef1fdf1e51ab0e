"""The Pod Security level *restricted*, as Kubernetes 1.34 evaluates it: what it holds against a pod.

Every control of the profile is here, those of *baseline* included, except the ones on annotations that only old clusters read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Doc = dict[str, Any]

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
}
SELINUX = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
PROFILES = {"RuntimeDefault", "Localhost"}
KINDS_OF_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def violations(pod: Doc) -> list[str]:
    """What *restricted* holds against the pod's spec; empty for a pod that it lets in."""
    return [*_of_pod(pod), *(f"{name}: {wrong}" for name, each in containers(pod) for wrong in _of_container(pod, each))]


def containers(pod: Doc) -> Iterator[tuple[str, Doc]]:
    """Every container of the pod, whatever its kind."""
    for kind in KINDS_OF_CONTAINERS:
        for each in pod.get(kind) or []:
            yield f"{kind}/{each.get('name')}", each


def _of_pod(pod: Doc) -> Iterator[str]:
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(field):
            yield field
    for volume in pod.get("volumes") or []:
        for kind in set(volume) - {"name"} - VOLUMES:
            yield f"volume {volume.get('name')} of type {kind}"
    context = pod.get("securityContext") or {}
    for sysctl in context.get("sysctls") or []:
        if sysctl.get("name") not in SYSCTLS:
            yield f"sysctl {sysctl.get('name')}"
    yield from _of_either(context)


def _of_container(pod: Doc, container: Doc) -> Iterator[str]:
    context = container.get("securityContext") or {}
    yield from _of_either(context)
    if context.get("privileged"):
        yield "privileged"
    if context.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation is not false"
    if context.get("procMount") not in (None, "Default"):
        yield f"procMount {context['procMount']}"
    capabilities = context.get("capabilities") or {}
    if "ALL" not in (capabilities.get("drop") or []):
        yield "capabilities do not drop ALL"
    for added in set(capabilities.get("add") or []) - {"NET_BIND_SERVICE"}:
        yield f"capability {added}"
    yield from _required(pod.get("securityContext") or {}, context)
    for port in container.get("ports") or []:
        if port.get("hostPort"):
            yield f"hostPort {port['hostPort']}"
    for handler in _handlers(container):
        if any((handler.get(kind) or {}).get("host") for kind in ("httpGet", "tcpSocket")):
            yield "a probe or a lifecycle hook of another host"


def _required(pod: Doc, container: Doc) -> Iterator[str]:
    """What a container may leave to its pod."""
    if container.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True:
        yield "runAsNonRoot is not true"
    profile = (container.get("seccompProfile") or pod.get("seccompProfile") or {}).get("type")
    if profile not in PROFILES:
        yield f"seccompProfile {profile}"


def _of_either(context: Doc) -> Iterator[str]:
    """What neither a pod nor a container may say."""
    if context.get("runAsUser") == 0:
        yield "runAsUser 0"
    if (context.get("windowsOptions") or {}).get("hostProcess"):
        yield "hostProcess"
    if (context.get("appArmorProfile") or {}).get("type") == "Unconfined":
        yield "appArmorProfile Unconfined"
    selinux = context.get("seLinuxOptions") or {}
    if selinux.get("type", "") not in SELINUX or selinux.get("user") or selinux.get("role"):
        yield "seLinuxOptions"


def _handlers(container: Doc) -> Iterator[Doc]:
    yield from (container[probe] for probe in PROBES if container.get(probe))
    yield from (hook for hook in (container.get("lifecycle") or {}).values() if isinstance(hook, dict))
