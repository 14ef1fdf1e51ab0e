"""Finds the template of a step: in its own document, in a WorkflowTemplate, or inline.

A template that was looked up stays the same for the life of the Workflow (`storedTemplates`).
"""

from __future__ import annotations

from collections.abc import Mapping

from localargo.errors import InvalidInput
from localargo.manifests.merge import TEMPLATE_KEYS, strategic_merge
from localargo.manifests.workflow import TEMPLATE_TYPES, template_type
from localargo.ports import Doc
from localargo.workflows.work import CallFailed, Pass


def local_base(p: Pass) -> str:
    """The base in which the Workflow's own templates are looked up."""
    return f"local/{p.name}"


def holder_of(step: Doc) -> Doc:
    """The part of a step, task or hook that names its template."""
    return {k: step[k] for k in ("template", "templateRef", "inline") if step.get(k)}


def resolve(p: Pass, base: str, holder: Doc) -> tuple[str, Doc]:
    """The template, and the base for names inside it. Raises CallFailed with Argo's message."""
    inner, template = _find(p, base, holder)
    try:
        template_type(template)
    except InvalidInput:
        raise CallFailed(f"template '{template.get('name', '')}' type is unknown") from None
    return inner, _with_defaults(p, template)


def _find(p: Pass, base: str, holder: Doc) -> tuple[str, Doc]:
    if holder.get("inline"):
        return base, holder["inline"]
    reference = holder.get("templateRef")
    if reference:
        scope = "cluster" if reference.get("clusterScope") else "namespaced"
        inner = f"{scope}/{reference.get('name') or ''}"
        return inner, _stored(p, inner, reference.get("template") or "", through_reference=True)
    name = holder.get("template") or ""
    if not name:
        raise CallFailed("failed to get a template")
    if base.startswith("local/"):
        local: dict[str, Doc] | None = p.index.memory.get("templates")
        if local is None:
            local = p.index.memory["templates"] = {t["name"]: t for t in p.spec.get("templates") or () if t.get("name")}
        found = local.get(name)
        if found is None:
            raise CallFailed(f"template {name} not found")
        return base, found
    return base, _stored(p, base, name, through_reference=False)


def _stored(p: Pass, base: str, name: str, *, through_reference: bool) -> Doc:
    key = f"{base}/{name}"
    stored: Mapping[str, Doc] = p.head.get("storedTemplates") or {}
    if key in stored:
        return stored[key]
    scope, _, library = base.partition("/")
    shelf = p.world.cluster_templates if scope == "cluster" else p.world.templates
    document = shelf.get(library)
    if document is None:
        raise CallFailed(f"workflow template {library} not found")
    found: Doc | None = next((t for t in (document.get("spec") or {}).get("templates") or () if t.get("name") == name), None)
    if found is None:
        where = f" in workflow template {library}" if through_reference else ""
        raise CallFailed(f"template {name} not found{where}")
    p.set_head(storedTemplates={**stored, key: found})
    return found


def _with_defaults(p: Pass, template: Doc) -> Doc:
    defaults = p.spec.get("templateDefaults")
    if not defaults:
        return template
    kind = template_type(template)
    applicable = {k: v for k, v in defaults.items() if k == kind or k not in TEMPLATE_TYPES}
    return strategic_merge(applicable, template, TEMPLATE_KEYS)


def retry_strategy(p: Pass, template: Doc) -> Doc | None:
    """The template's retryStrategy, else the Workflow's."""
    own: Doc | None = template.get("retryStrategy")
    return own if own is not None else p.spec.get("retryStrategy")
