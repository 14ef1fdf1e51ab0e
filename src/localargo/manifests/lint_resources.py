"""Resources of a pod as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localargo.manifests import workflow
from localargo.manifests.lint_checker import Checker
from localargo.manifests.lint_locations import Location, Template


def check(checker: Checker, template: Template) -> None:
    """Resources of a whole pod: CPU, memory and huge pages, and only for templates that create a pod."""
    kind, asked = workflow.template_types(template.doc)[0], template.doc.get("podResources")
    prefix = f"templates.{template.name}.podResources"
    if asked is not None and kind in ("http", "plugin"):
        checker.error(template.place.at("podResources"), f"{prefix} is not supported for {workflow.LABELS[kind]} templates")
    elif asked is not None:
        pod_resources(checker, asked, template.place.at("podResources"), prefix)
    if template.doc.get("resourceClaims") and not workflow.is_pod(template.doc):
        what = f"is not supported for {workflow.LABELS[kind]} templates, which do not create a pod"
        checker.error(template.place.at("resourceClaims"), f"templates.{template.name}.resourceClaims {what}")


def pod_resources(checker: Checker, asked: Mapping[str, Any], place: Location, prefix: str) -> None:
    """Only resources that Kubernetes allows at the level of a pod."""
    if asked.get("claims"):
        checker.error(place.at("claims"), f"{prefix}.claims is not supported for pod-level resources")
    for side in ("limits", "requests"):
        for name in asked.get(side) or {}:
            if name not in ("cpu", "memory") and not name.startswith("hugepages-"):
                what = f'"{name}" is not a valid pod-level resource, only cpu, memory and hugepages-* are supported'
                checker.error(place.at(side), f"{prefix}: {what}")
