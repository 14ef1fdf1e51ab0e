"""The pods that come out of the rendered documents: what Argo's controllers build from them, as far as the documents can change it.

Argo Workflows 4.1: a step of a container has `init` and `wait` beside `main`, bare unless its template's podSpecPatch speaks of them; a
resource template has `main` alone, locked down by Argo. Argo Events 1.9: one container for a source or a sensor, three for the bus.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from localargo.manifests.document import Document
from tests.manifests.installs import Doc, of_kind

LOCKED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}
BUS = {"main": "containerTemplate", "reloader": "reloaderContainerTemplate", "metrics": "metricsContainerTemplate"}


def pods(documents: list[Document]) -> Iterator[tuple[str, Doc]]:
    """Every pod by what makes it."""
    for kind in ("EventSource", "Sensor"):
        for doc in of_kind(documents, kind):
            yield f"{kind}/{doc['metadata']['name']}", _listener(doc["spec"]["template"])
    for doc in of_kind(documents, "EventBus"):
        yield f"EventBus/{doc['metadata']['name']}", _bus(doc["spec"]["jetstream"])
    for doc in of_kind(documents, "StatefulSet"):
        yield f"StatefulSet/{doc['metadata']['name']}", doc["spec"]["template"]["spec"]
    yield from steps(documents)


def steps(documents: list[Document]) -> Iterator[tuple[str, Doc]]:
    """The pods of a run: a step takes the pod's settings from the Workflow, which takes them from the template `retrain`."""
    (workflow,) = [doc["spec"] for doc in of_kind(documents, "WorkflowTemplate") if doc["metadata"]["name"] == "retrain"]
    for doc in of_kind(documents, "WorkflowTemplate"):
        for template in doc["spec"]["templates"]:
            if "container" in template or "resource" in template:
                yield f"{doc['metadata']['name']}/{template['name']}", _step(workflow, template)


def _listener(template: Doc) -> Doc:
    pod = {key: value for key, value in template.items() if key != "container"}
    return pod | {"containers": [{"name": "main"} | (template.get("container") or {})]}


def _bus(jetstream: Doc) -> Doc:
    fields = ("securityContext", "priorityClassName")
    pod = {key: jetstream[key] for key in fields if key in jetstream}
    return pod | {"containers": [{"name": name} | (jetstream.get(field) or {}) for name, field in BUS.items()]}


def _step(workflow: Doc, template: Doc) -> Doc:
    if "resource" in template:
        containers, inits = [{"name": "main", "securityContext": LOCKED}], []
    else:
        containers, inits = [{"name": "wait"}, {"name": "main"} | template["container"]], [{"name": "init"}]
    patch = yaml.safe_load(template.get("podSpecPatch") or "{}")
    pod = {key: value for key, value in patch.items() if key not in ("containers", "initContainers")}
    pod["containers"] = _merged(containers, patch.get("containers") or [])
    pod["initContainers"] = _merged(inits, patch.get("initContainers") or [])
    context = template.get("securityContext") or workflow.get("securityContext")
    automount = template.get("automountServiceAccountToken", workflow.get("automountServiceAccountToken", True))
    pod |= {"securityContext": context} if context else {}
    return pod | {
        "serviceAccountName": template.get("serviceAccountName") or workflow.get("serviceAccountName"),
        "automountServiceAccountToken": automount,
        "executor": (template.get("executor") or workflow.get("executor") or {}).get("serviceAccountName"),
    }


def _merged(containers: list[Doc], patches: list[Doc]) -> list[Doc]:
    """As a strategic merge patch: by name; one that is not there is added, with no image to run."""
    found: dict[str, Doc] = {each["name"]: each for each in containers}
    for patch in patches:
        found[patch["name"]] = _merge(found.get(patch["name"], {}), patch)
    return list(found.values())


def _merge(base: Any, patch: Any) -> Any:
    if isinstance(base, dict) and isinstance(patch, dict):
        return base | {key: _merge(base.get(key), value) for key, value in patch.items()}
    return patch
