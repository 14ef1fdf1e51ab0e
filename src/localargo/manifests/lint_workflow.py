"""A whole Workflow or WorkflowTemplate: references, arguments, entrypoint, exit handler, recursion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from localargo.manifests import lint_calls, lint_resources, lint_scope, lint_templates, workflow
from localargo.manifests.document import Document
from localargo.manifests.lint_checker import Checker
from localargo.manifests.lint_leaf import configmap_key
from localargo.manifests.lint_locations import Library, Location, Template
from localargo.manifests.lint_recursion import check_recursion
from localargo.manifests.merge import merge_workflow_spec
from localargo.manifests.report import INVALID_SPEC, Report, hint_for

POD_GC = ("OnPodCompletion", "OnPodSuccess", "OnWorkflowCompletion", "OnWorkflowSuccess")
OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
LONGEST_NAME = 63


def check(document: Document, report: Report, library: Library, *, empty_arguments: bool = False) -> None:
    """Everything that Argo's controller checks before it starts a Workflow, and errors that it finds too late.

    `empty_arguments`: values of the arguments come later (a WorkflowTemplate's, or a Sensor's resource).
    """
    spec = document.doc.get("spec") or {}
    runtime = document.kind != "Workflow"
    home = document
    reference = spec.get("workflowTemplateRef")
    place = Location(document, "spec")
    if reference is not None:
        found = _referred(document, reference, report, library)
        if found is None:
            return
        home, spec = found, merge_workflow_spec(spec, found.doc.get("spec") or {})
    arguments = lint_calls.own_order(spec.get("arguments") or {}, (document.doc.get("spec") or {}).get("arguments") or {})
    parameters = arguments["parameters"]
    known = lint_scope.of_workflow(document.doc.get("metadata") or {}, spec, parameters)
    checker = Checker(report, library, known, runtime=runtime, spec=spec, validate=lint_templates.check)
    _name(checker, document)
    checker.names(spec.get("templates"), Location(home, "spec.templates"), "spec.templates", strict=True)
    lint_calls.arguments(checker, arguments, place.at("arguments"), "spec.arguments.", empty=runtime or empty_arguments)
    for index, parameter in enumerate(parameters):
        configmap_key(checker, parameter, place.at(f"arguments.parameters[{index}]"))
    _entrypoint(checker, document, home, spec, runtime, runtime or empty_arguments)
    _exit(checker, document, home, spec)
    if (spec.get("podGC") or {}).get("strategy") not in (*POD_GC, None, ""):
        checker.error(
            place.at("podGC.strategy"),
            f"podGC.strategy unknown strategy '{spec['podGC']['strategy']}'",
            hint_for(str(spec["podGC"]["strategy"]), POD_GC),
        )
    for each in ((spec.get("podGC") or {}).get("labelSelector") or {}).get("matchExpressions") or []:
        if each.get("operator") not in OPERATORS:
            core = f'podGC.labelSelector invalid: "{each.get("operator") or ""}" is not a valid label selector operator'
            checker.error(place.at("podGC.labelSelector"), core, hint_for(str(each.get("operator")), OPERATORS))
    if spec.get("podResources"):
        lint_resources.pod_resources(checker, spec["podResources"], place.at("podResources"), "spec.podResources")
    for index, template in enumerate(workflow.templates(home.doc.get("spec") or {})):
        if template.get("name"):
            checker.template(Template(template, Location(home, f"spec.templates[{index}]", f"templates.{template['name']} ")))
    check_recursion(checker, home)


def _referred(document: Document, reference: Mapping[str, Any], report: Report, library: Library) -> Document | None:
    place = "spec.workflowTemplateRef"
    if document.doc["spec"].get("templates"):
        core = "Templates is invalid field in spec if workflow referred WorkflowTemplate reference"
        report.refusal(document, "spec.templates", INVALID_SPEC, core)
        return None
    name = str(reference.get("name") or "")
    found = library.find(reference)
    if found is None:
        kind = "clusterworkflowtemplates" if reference.get("clusterScope") else "workflowtemplates"
        core = f'{kind}.argoproj.io "{name}" not found'
        report.refusal(document, f"{place}.name", INVALID_SPEC, core, hint_for(name, library.of(reference)))
    return found


def _name(checker: Checker, document: Document) -> None:
    name = str((document.doc.get("metadata") or {}).get("name") or "")
    if len(name) > LONGEST_NAME:
        kind = {"Workflow": "workflow", "WorkflowTemplate": "workflow template"}.get(document.kind, "cluster workflow template")
        core = f'{kind} name "{name}" must not be more than {LONGEST_NAME} characters long (currently {len(name)})'
        checker.error(Location(document, "metadata.name"), core)
    if not document.name:
        checker.error(Location(document, "metadata"), "metadata.name or metadata.generateName is required")


def _entrypoint(checker: Checker, document: Document, home: Document, spec: Mapping[str, Any], runtime: bool, empty: bool) -> None:
    place = Location(document, "spec.entrypoint")
    entrypoint = str(spec.get("entrypoint") or "")
    if not entrypoint:
        if not runtime:
            checker.error(
                place, "spec.entrypoint is required", hint_for("main", [str(each.get("name")) for each in workflow.templates(spec)])
            )
        return
    found = None if _tagged(checker, entrypoint, place, home is document) else checker.find(_named(entrypoint, document, home), place, home)
    if found is None:
        return
    lint_templates.check_inputs(checker, found)
    if not empty:
        checker.supplied(found, spec.get("arguments") or {}, place)
    checker.template(found, None if runtime else spec.get("arguments") or {})


def _tagged(checker: Checker, name: str, place: Location, local: bool) -> bool:
    """Whether there are tags in the name of the first or last template, which Argo does not replace."""
    if "{{" in name and local:
        checker.error(place, f"template name '{name}' undefined")
    return "{{" in name


def _named(template: str, document: Document, home: Document) -> Mapping[str, Any]:
    """The call of a template of the document, or of the one that its spec comes from."""
    if home is document:
        return {"template": template}
    return {"templateRef": {"name": home.name, "template": template, "clusterScope": home.kind == "ClusterWorkflowTemplate"}}


def _outputs(home: Document) -> Iterator[Mapping[str, Any]]:
    for template in workflow.templates(home.doc.get("spec") or {}):
        for kind in ("parameters", "artifacts"):
            yield from (template.get("outputs") or {}).get(kind) or []


def _exit(checker: Checker, document: Document, home: Document, spec: Mapping[str, Any]) -> None:
    """The exit handler. Templates may refer to `workflow.failures` only with `onExit`; a hook's own arguments always may."""
    if spec.get("onExit"):
        checker.known.add("workflow.failures")
        if any("{{" in str(output.get("globalName") or "") for output in _outputs(home)):
            checker.known.add(lint_scope.ANY_OUTPUT)
    if spec.get("onExit"):
        place = Location(document, "spec.onExit")
        name = str(spec["onExit"])
        found = None if _tagged(checker, name, place, home is document) else checker.find(_named(name, document, home), place, home)
        if found is not None:
            checker.template(found, None if document.kind != "Workflow" else spec.get("arguments") or {})
            checker.supplied(found, spec.get("arguments") or {}, place)
    lint_calls.hooks(checker, spec.get("hooks") or {}, Location(document, "spec.hooks"), home)
