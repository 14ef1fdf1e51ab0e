"""EventBuses: what Argo's controller refuses, and a stream that would never take an event."""

from __future__ import annotations

import yaml

from localargo.manifests.document import Document
from localargo.manifests.report import Report

KINDS = ("jetstream", "jetstreamExotic", "kafka", "nats")
USUAL_PODS = 3


def check(document: Document, report: Report) -> None:
    """The rules of Argo's controller for the kinds of bus that are not refused here, then the stream's replicas."""
    spec = document.doc.get("spec") or {}
    if not any(spec.get(kind) is not None for kind in KINDS):
        report.error(document, "spec", f"an EventBus needs one of {', '.join(KINDS)}", "write jetstream: {version: ...}")
    exotic, stream = spec.get("jetstreamExotic"), spec.get("jetstream")
    if exotic is not None and not exotic.get("url"):
        report.error(document, "spec.jetstreamExotic.url", "url is required")
    if stream is None:
        return
    if not stream.get("version"):
        report.error(document, "spec.jetstream.version", "version is required: a version of JetStream that Argo's controller knows")
    pods = stream.get("replicas")
    if pods is not None and (pods == 2 or pods <= 0):
        report.error(document, "spec.jetstream.replicas", f"{pods} pods make no bus: write 1, or 3 or more")
    try:
        config = yaml.safe_load(stream.get("streamConfig") or "")
    except yaml.YAMLError as error:
        report.error(document, "spec.jetstream.streamConfig", f"the text is no YAML: {str(error).splitlines()[0]}")
        return
    copies, pods = config.get("replicas") if isinstance(config, dict) else None, USUAL_PODS if pods is None else pods
    if isinstance(copies, int) and copies > pods:
        message = f"the stream has {copies} replicas on {pods} pods: it never takes an event, and every pod says Running"
        report.warning(document, "spec.jetstream.streamConfig", message, "let replicas be at most the number of pods")
