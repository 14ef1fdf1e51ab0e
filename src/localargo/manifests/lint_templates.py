"""The body of one template of any kind, as Argo's validation looks at it before a Workflow starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localargo.errors import InvalidInput
from localargo.manifests import lint_artifacts, lint_dag, lint_expressions, lint_leaf, lint_resources, lint_scope, lint_steps, workflow
from localargo.manifests.lint_checker import Checker
from localargo.manifests.lint_locations import Location, Template
from localargo.manifests.lint_names import PARAMETER_NAME, PARAMETER_RULE
from localargo.manifests.lint_scope import Scope
from localargo.manifests.report import hint_for

RETRY_POLICIES = ("Always", "OnFailure", "OnError", "OnTransientError")


def check(checker: Checker, template: Template, arguments: Mapping[str, Any] | None) -> None:
    """Validate a template's body; `arguments`: those of the Workflow, for the entrypoint and the exit handler."""
    policy = (template.doc.get("retryStrategy") or {}).get("retryPolicy")
    if policy and policy not in RETRY_POLICIES and "{{" not in str(policy):
        checker.error(
            template.place.at("retryStrategy.retryPolicy"), f"{policy} is not a valid RetryPolicy", hint_for(str(policy), RETRY_POLICIES)
        )
    if not workflow.template_types(template.doc):
        message, place = f"template '{template.name}' type is unknown", template.place
        checker.error(place, message, "give container, script, steps, dag, suspend, resource or http")
        return
    try:
        kind = workflow.template_type(template.doc)
    except InvalidInput as error:
        checker.error(template.place, str(error))
        return
    check_inputs(checker, template)
    _time_limits(checker, template)
    lint_resources.check(checker, template)
    scope = lint_scope.of_template(template.doc, checker.known, checker.runtime)
    if kind == "steps":
        lint_steps.check(checker, template, scope)
    elif kind == "dag":
        lint_dag.check(checker, template, scope)
    else:
        lint_leaf.check(checker, template, scope, arguments)
    _outputs(checker, template, scope)


def check_inputs(checker: Checker, template: Template) -> None:
    """Names, paths and sources of a template's inputs."""
    inputs = template.doc.get("inputs") or {}
    for kind in ("parameters", "artifacts"):
        checker.names(inputs.get(kind), template.place.at(f"inputs.{kind}"), f"templates.{template.name}.inputs.{kind}")
    for index, artifact in enumerate(inputs.get("artifacts") or []):
        where, prefix = (
            template.place.at(f"inputs.artifacts[{index}]"),
            f"templates.{template.name}.inputs.artifacts.{artifact.get('name')}",
        )
        if not workflow.is_leaf(template.doc) and artifact.get("path"):
            checker.error(where.at("path"), f"{prefix}.path only valid in container/script templates")
        wrong = lint_artifacts.path_error(artifact) if workflow.is_leaf(template.doc) else ""
        if wrong:
            checker.error(where, f"error in {prefix}: {wrong}", "give the path at which the container finds it")
        if artifact.get("from"):
            checker.error(where.at("from"), f"{prefix}.from not valid in inputs", "give `from` in the arguments of the step or task")


def _time_limits(checker: Checker, template: Template) -> None:
    kind = workflow.LABELS[workflow.template_types(template.doc)[0]]
    timeout = str(template.doc.get("timeout") or "")
    if timeout and not workflow.is_leaf(template.doc):
        checker.error(template.place.at("timeout"), f"{kind} template doesn't support timeout field")
    elif timeout.isdigit():
        checker.error(template.place.at("timeout"), f"{template.name} has invalid duration format in timeout", f"write {timeout}s")
    if template.doc.get("pendingTimeout") and not workflow.is_leaf(template.doc):
        checker.error(template.place.at("pendingTimeout"), f"{kind} template doesn't support pendingTimeout field")
    if template.doc.get("activeDeadlineSeconds") is not None and kind in ("Steps", "DAG"):
        message = f"templates.{template.name}.activeDeadlineSeconds is only valid for leaf templates"
        checker.error(template.place.at("activeDeadlineSeconds"), message)


def _outputs(checker: Checker, template: Template, scope: Scope) -> None:
    """The template's outputs: names, sources, and the tags in them."""
    outputs = template.doc.get("outputs") or {}
    prefix = f"templates.{template.name}.outputs"
    for kind in ("parameters", "artifacts"):
        checker.names(outputs.get(kind), template.place.at(f"outputs.{kind}"), f"{prefix}.{kind} ", filled=True)
    if not workflow.is_leaf(template.doc):  # those of a leaf were checked with its body
        checker.tags(outputs, scope, template.place.at("outputs"), f"{prefix} ")
        lint_expressions.check(checker, outputs, scope, template.place.at("outputs"))
    for index, artifact in enumerate(outputs.get("artifacts") or []):
        where = template.place.at(f"outputs.artifacts[{index}]")
        if not workflow.is_leaf(template.doc) and artifact.get("path"):
            message = f"{prefix}.artifacts.{artifact.get('name')}.path only valid in container/script templates"
            checker.error(where.at("path"), message, "give `from`")
        wrong = lint_artifacts.path_error(artifact) if workflow.is_leaf(template.doc) else ""
        if wrong:
            checker.error(where, f"error in {prefix}.artifacts.{artifact.get('name')}: {wrong}")
        _global_name(checker, artifact, where, f"{prefix}.artifacts.{artifact.get('name')}")
    for index, parameter in enumerate(outputs.get("parameters") or []):
        where = template.place.at(f"outputs.parameters[{index}]")
        lint_leaf.output_parameter(checker, template, parameter, where)
        _global_name(checker, parameter, where, f"{prefix}.parameters.{parameter.get('name')}")


def _global_name(checker: Checker, output: dict[str, Any], where: Location, name_in_message: str) -> None:
    name = str(output.get("globalName") or "")
    if name and "{{" not in name and not PARAMETER_NAME.fullmatch(name):
        checker.error(where.at("globalName"), f"{name_in_message}.globalName: {PARAMETER_RULE}")
