"""Templates that run something themselves."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from localargo.errors import InvalidInput
from localargo.expressions import ExpressionError, jsonpaths
from localargo.manifests import lint_expressions, workflow
from localargo.manifests.lint_checker import Checker
from localargo.manifests.lint_locations import Location, Template
from localargo.manifests.lint_scope import KNOWN_PREFIXES, Scope
from localargo.manifests.report import hint_for
from localargo.manifests.yaml import NotAMapping, load_documents

ACTIONS = ("get", "create", "apply", "delete", "replace", "patch")
RESOURCE_KINDS = ("Workflow", "WorkflowTemplate", "ConfigMap")
OWN_BUCKET = re.compile(r"s3(\.[a-z0-9-]+(\.svc(\.cluster\.local)?)?)?")
TAGGED = re.compile(r"tag|\{\{")  # a part of a manifest that a tag makes
SOURCES = ("path", "jqFilter", "jsonPath", "parameter", "expression")
CHOICES = "choose one of: path, jqFilter, jsonPath, parameter, raw"


def check(checker: Checker, template: Template, scope: Scope, arguments: Mapping[str, Any] | None) -> None:
    """Tags, images, paths and actions of one leaf template; `arguments`: the Workflow's, for its entrypoint and its exit handler."""
    name, place = template.name, template.place
    checker.tags(_as_called(template.doc, arguments), scope, place, f"templates.{name}: ")
    lint_expressions.check(checker, template.doc, scope, place)
    for kind in ("container", "script"):
        if template.doc.get(kind) is not None:
            _image(checker, template, kind)
    if template.doc.get("container") is not None:
        _paths(checker, template)
    if template.doc.get("resource") is not None:
        _resource(checker, template, scope)
    deadline = template.doc.get("activeDeadlineSeconds")
    if deadline is not None and "{{" not in str(deadline) and not str(deadline).isdigit():
        message = f"templates.{name}.activeDeadlineSeconds must be a positive integer > 0 or an argo variable"
        checker.error(place.at("activeDeadlineSeconds"), message)
    if template.doc.get("parallelism") is not None:
        checker.error(place.at("parallelism"), f"templates.{name}.parallelism is only valid for steps and dag templates")
    _volumes(checker, template)
    _configmaps(checker, template)
    _buckets(checker, template)


def _as_called(template: Mapping[str, Any], arguments: Mapping[str, Any] | None) -> dict[str, Any]:
    """The template without the values of its inputs that arguments replace: Argo's validation takes any value for them.

    A `default` stays, and the path of an artifact.
    """
    inputs = template.get("inputs") or {}
    names = {kind: {str(each.get("name")) for each in (arguments or {}).get(kind) or []} for kind in ("parameters", "artifacts")}

    def replaced(kind: str, item: Mapping[str, Any]) -> bool:
        return arguments is None or str(item.get("name")) in names[kind]

    parameters = [{**each, "value": None} if replaced("parameters", each) else each for each in inputs.get("parameters") or []]
    artifacts = [
        {key: each.get(key) for key in ("name", "path")} if replaced("artifacts", each) else each for each in inputs.get("artifacts") or []
    ]
    return {**template, "inputs": {"parameters": parameters, "artifacts": artifacts}}


def _image(checker: Checker, template: Template, kind: str) -> None:
    defaults = ((template.place.document.doc.get("spec") or {}).get("templateDefaults") or {}).get(kind) or {}
    if not template.doc[kind].get("image") and not defaults.get("image"):
        checker.error(template.place.at(kind), f"templates.{template.name}.{kind}.image may not be empty")


def _mounts(checker: Checker, template: Template, kind: str, called: str) -> dict[str, str]:
    """Every path may be mounted once; the paths and what is mounted there, `called` as Argo does."""
    taken: dict[str, str] = {}
    for index, mount in enumerate(template.doc[kind].get("volumeMounts") or []):
        path = str(mount.get("mountPath"))
        if path in taken:
            where = f"{kind}.volumeMounts[{index}].mountPath"
            checker.error(template.place.at(where), f"templates.{template.name}.{where} '{path}' already mounted in {taken[path]}")
        taken[path] = f"{called}.{mount.get('name')}"
    return taken


def _paths(checker: Checker, template: Template) -> None:
    taken = _mounts(checker, template, "container", "container.volumeMounts")
    for index, artifact in enumerate((template.doc.get("inputs") or {}).get("artifacts") or []):
        path = str(artifact.get("path"))
        if path in taken:
            message = f"templates.{template.name}.inputs.artifacts[{index}].path '{path}' already mounted in {taken[path]}"
            checker.error(template.place.at(f"inputs.artifacts[{index}].path"), message)
        taken[path] = f"inputs.artifacts.{artifact.get('name')}"


def find_cycle(edges: Mapping[str, list[str]]) -> list[str]:
    """A cycle as names, the first repeated at the end; empty when there is none. Unknown names are ignored."""
    done: set[str] = set()
    for start in edges:
        trail: list[str] = []
        stack = [(start, iter(edges[start]))] if start not in done else []
        trail += [start] if stack else []
        while stack:
            node, rest = stack[-1]
            following = next((each for each in rest if each in edges and each not in done), None)
            if following is None:
                done.add(node)
                stack.pop()
                trail.pop()
            elif following in trail:
                return [*trail[trail.index(following) :], following]
            else:
                trail.append(following)
                stack.append((following, iter(edges[following])))
    return []


def _resource(checker: Checker, template: Template, scope: Scope) -> None:
    resource, place, name = template.doc["resource"], template.place.at("resource"), template.name
    action, manifest = str(resource.get("action") or ""), str(resource.get("manifest") or "")
    if action not in ACTIONS and (checker.filled(action) == action or "{{" in checker.filled(action)):
        choices = ", ".join(ACTIONS)
        checker.error(place.at("action"), f"templates.{name}.resource.action must be one of: {choices}", hint_for(action, ACTIONS))
    for index, output in enumerate((template.doc.get("outputs") or {}).get("parameters") or []):
        _path(
            checker,
            str((output.get("valueFrom") or {}).get("jsonPath") or ""),
            template.place.at(f"outputs.parameters[{index}].valueFrom.jsonPath"),
        )
    if action in ("get", "delete") and not manifest:
        return
    if not manifest and resource.get("manifestFrom") is None:
        message = f"either templates.{name}.resource.manifest or templates.{name}.resource.manifestFrom must be specified"
        checker.error(place, message)
        return
    if manifest and resource.get("manifestFrom") is not None:
        checker.error(place, "shouldn't have both `manifest` and `manifestFrom` specified in `Manifest` for resource template")
    artifact = ((resource.get("manifestFrom") or {}).get("artifact") or {}).get("name")
    if artifact and not workflow.by_name((template.doc.get("inputs") or {}).get("artifacts"), str(artifact)):
        checker.error(place.at("manifestFrom"), f"artifact {artifact} in `manifestFrom` refer to a non-exist artifact")
    if manifest and not (action == "patch" and manifest.lstrip().startswith(("-", "["))):  # a JSON patch is a list
        with checker.later() if action in ("get", "delete") else contextlib.nullcontext():
            _manifest(checker, template, manifest, place.at("manifest"), scope)


def _path(checker: Checker, path: str, place: Location) -> None:
    try:
        jsonpaths.jsonpath({}, path)
    except ExpressionError as error:
        checker.report.unsupported(place.document, place.path, f"{error}; a jqFilter does more")


def _manifest(checker: Checker, template: Template, manifest: str, place: Location, scope: Scope) -> None:
    def filled(found: re.Match[str]) -> str:
        tag = found[1].strip()
        return "tag" if tag.startswith("=") or (tag.startswith(KNOWN_PREFIXES) and scope.resolves(tag)) else found[0]

    flat = re.sub(r"\{\{(.*?)\}\}", filled, manifest, flags=re.DOTALL)
    try:
        documents = load_documents(flat, "manifest")
    except NotAMapping:
        documents = []
    except InvalidInput as error:
        checker.error(place, f"templates.{template.name}.resource.manifest must be a valid yaml", str(error))
        return
    if not documents and flat.strip() != "tag":
        kinds = ", ".join(RESOURCE_KINDS)
        checker.report.unsupported(
            place.document, place.path, f"a resource template without a kind is refused: the engine supports only {kinds}"
        )
    for document in documents:
        if document.kind not in RESOURCE_KINDS and document.kind != "tag":
            what = f"a resource template on {document.kind or 'no kind'} is refused: the engine supports only {', '.join(RESOURCE_KINDS)}"
            checker.report.unsupported(place.document, place.path, what)
        reference = (document.doc.get("spec") or {}).get("workflowTemplateRef")
        if isinstance(reference, dict) and not TAGGED.search(str(reference.get("name"))) and checker.library.find(reference) is None:
            message = f"WorkflowTemplate {reference.get('name')} does not exist: the created Workflow would end with an error"
            checker.warning(place, message, hint_for(str(reference.get("name")), checker.library.of(reference)))


def _volumes(checker: Checker, template: Template) -> None:
    own = template.place.document.doc.get("spec") or {}
    known = {str(each.get("name")) for spec in (template.doc, own, checker.spec) for each in spec.get("volumes") or []}
    known |= {str((each.get("metadata") or {}).get("name")) for each in checker.spec.get("volumeClaimTemplates") or []}
    if checker.runtime and not own.get("entrypoint"):
        return  # the Workflow that uses this template may declare the volumes
    for kind in ("container", "script", "containerSet"):
        for index, mount in enumerate((template.doc.get(kind) or {}).get("volumeMounts") or []):
            name = str(mount.get("name"))
            if name not in known and "{{" not in name:
                message = f"volume {name} is declared neither in the template nor in the Workflow: the pod cannot be created"
                checker.warning(template.place.at(f"{kind}.volumeMounts[{index}].name"), message, hint_for(name, known))


def _configmaps(checker: Checker, template: Template) -> None:
    for index, parameter in enumerate((template.doc.get("inputs") or {}).get("parameters") or []):
        configmap_key(checker, parameter, template.place.at(f"inputs.parameters[{index}]"))


def configmap_key(checker: Checker, parameter: Mapping[str, Any], place: Location) -> None:
    """A ConfigMap that a parameter reads must have Argo's label and the key."""
    source = parameter.get("valueFrom") or {}
    reference = source.get("configMapKeyRef") or {}
    found = checker.library.configmaps.get(str(reference.get("name") or ""))
    if found is None or source.get("default") is not None or reference.get("optional"):
        return
    where = place.at("valueFrom.configMapKeyRef")
    labels = (found.doc.get("metadata") or {}).get("labels") or {}
    if labels.get("workflows.argoproj.io/configmap-type") != "Parameter":
        message = f"ConfigMap {found.name} has no label workflows.argoproj.io/configmap-type: Parameter, so Argo does not find it"
        checker.warning(where, message, "add the label to the ConfigMap")
    key = str(reference.get("key") or "")
    if "{{" not in key and key not in (found.doc.get("data") or {}):
        checker.warning(where, f"ConfigMap {found.name} has no key {key}", hint_for(key, found.doc.get("data") or {}))


def _buckets(checker: Checker, template: Template) -> None:
    for side in ("inputs", "outputs"):
        for index, artifact in enumerate((template.doc.get(side) or {}).get("artifacts") or []):
            endpoint = str((artifact.get("s3") or {}).get("endpoint") or "")
            if endpoint and "{{" not in endpoint and not OWN_BUCKET.fullmatch(urlsplit(f"//{endpoint}").hostname or ""):
                place = template.place.at(f"{side}.artifacts[{index}].s3.endpoint")
                what = f"the artifact store at {endpoint} is refused: artifacts are stored in the engine's own bucket"
                checker.report.unsupported(
                    place.document, place.path, what, "leave endpoint and credentials out, or name the Service s3:8333"
                )


def output_parameter(checker: Checker, template: Template, parameter: Mapping[str, Any], place: Location) -> None:
    """Exactly one source, of the kind that the template's type can fill."""
    source, prefix = parameter.get("valueFrom"), f"templates.{template.name}.outputs.parameters.{parameter.get('name')}"
    if source is not None and parameter.get("value") is not None:
        checker.error(place, f"{prefix} has both valueFrom and value specified, choose one")
    if parameter.get("value") is not None:
        return
    if source is None:
        checker.error(place, f"{prefix} does not have valueFrom or value specified")
        return
    chosen = [each for each in SOURCES if source.get(each)] + (["supplied"] if source.get("supplied") is not None else [])
    if not chosen:
        checker.error(place.at("valueFrom"), f"valueFrom type unspecified. {CHOICES}, expression")
        return
    if len(chosen) > 1:
        checker.error(place.at("valueFrom"), f"multiple valueFrom types specified. {CHOICES}")
    kind = workflow.template_types(template.doc)[0]
    if kind in ("container", "script", "containerSet") and "path" not in chosen:
        checker.error(place.at("valueFrom"), f"{prefix}.path must be specified for {workflow.LABELS[kind]} templates")
    if kind == "resource" and not {"jqFilter", "jsonPath"} & set(chosen):
        checker.error(place.at("valueFrom"), f"{prefix} .jqFilter or jsonPath must be specified for Resource templates")
    if kind in ("dag", "steps") and not {"parameter", "expression"} & set(chosen):
        checker.error(place.at("valueFrom"), f"{prefix}.parameter or expression must be specified for {workflow.LABELS[kind]} templates")
