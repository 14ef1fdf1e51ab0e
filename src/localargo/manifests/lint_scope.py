"""Which tags can be resolved where: Argo's rules for `{{name}}` at validation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from localargo.manifests import workflow
from localargo.manifests.document import join

# Argo looks only at tags that begin with one of these; all others stay as they are ("{{ column }}" in a query)
KNOWN_PREFIXES = ("item.", "steps.", "inputs.", "outputs.", "pod.", "workflow.", "tasks.")
ALWAYS = ("outputs.", "workflow.creationTimestamp", "workflow.scheduledTime", "workflow.duration", "tasks.name", "steps.name", "node.name")
GLOBALS = (
    "workflow.name",
    "workflow.namespace",
    "workflow.mainEntrypoint",
    "workflow.serviceAccountName",
    "workflow.uid",
    "workflow.status",
    "workflow.labels",
    "workflow.labels.json",
    "workflow.annotations",
    "workflow.annotations.json",
)
RETRY_NAMES = ("retries", "lastRetry.exitCode", "lastRetry.status", "lastRetry.duration", "lastRetry.message")
NODE_FACTS = ("id", "startedAt", "finishedAt", "hostNodeName")
ANY_OUTPUT = "workflow.outputs.*"  # in the global names: the names of outputs are known at run time only
RUN_TIME = "workflow.parameters"  # may come from the Workflow that uses a template; labels and annotations must be those of the template


@dataclass(frozen=True, slots=True)
class Tag:
    """`{{text}}` in a field of a tree; `text` is without braces, `=` and blanks around it."""

    text: str
    expression: bool
    path: str


def scan(tree: Any, path: str = "") -> Iterator[Tag]:
    """Every tag in every text of a tree, keys included, in order. A `{{` without its `}}` is not a tag."""
    if isinstance(tree, str):
        yield from _scan_text(tree, path)
    elif isinstance(tree, dict):
        for key, value in tree.items():
            where = join(path, key)
            yield from _scan_text(key, where)
            yield from scan(value, where)
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from scan(value, join(path, index))


def unclosed(tree: Any, path: str = "") -> Iterator[Tag]:
    """Texts whose last `{{` has no end and would be an expression, or a tag that Argo looks at: it reads on into the following text."""
    if isinstance(tree, (dict, list)):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from unclosed(value, join(path, key))
    elif isinstance(tree, str) and "{{" in tree:
        rest = tree.rpartition("{{")[2].strip()
        if "}}" not in rest and rest.startswith((*KNOWN_PREFIXES, "=")):
            yield Tag(rest, rest.startswith("="), path)


def _scan_text(text: str, path: str) -> Iterator[Tag]:
    start = text.find("{{")
    while start >= 0:
        end = text.find("}}", start + 2)
        if end < 0:
            return
        inner = text[start + 2 : end].strip()
        nested = inner.rpartition("{{")[2]
        if nested != inner and nested.startswith("workflow.parameters."):
            inner = nested  # Argo replaces it first; the resulting name is checked later
        yield Tag(inner.removeprefix("=").strip(), inner.startswith("="), path)
        start = text.find("{{", end + 2)


@dataclass(slots=True)
class Scope:
    """The names that resolve at one location."""

    names: set[str] = field(default_factory=set)
    any_item: bool = False
    any_output: bool = False  # a globalName with a tag in it: names are known at run time only
    runtime: bool = False  # a WorkflowTemplate by itself: the values of a Workflow are not known

    def copy(self) -> Scope:
        return Scope(set(self.names), self.any_item, self.any_output, self.runtime)

    def resolves(self, tag: str) -> bool:
        """Whether Argo's validation accepts the plain tag."""
        if tag in self.names or not tag.startswith(KNOWN_PREFIXES) or tag.startswith(ALWAYS):
            return True
        if tag.startswith("item."):
            return self.any_item
        if tag.startswith("workflow.outputs."):
            return self.any_output
        return self.runtime and tag.startswith(RUN_TIME)

    def add_items(self, step: Mapping[str, Any]) -> str:
        """Add the loop's `item` names; returns Argo's message when the loop is wrong."""
        items, parameter, sequence = step.get("withItems") or [], step.get("withParam") or "", step.get("withSequence")
        if sum((bool(items), bool(parameter), sequence is not None)) > 1:
            return "only one of withItems, withParam, withSequence can be specified"
        for item in items:
            if isinstance(item, dict):
                self.names |= {f"item.{key}" for key in item}
            elif isinstance(item, list):
                self.names |= {f"item.[{index}]" for index in range(len(item))}
            self.names.add("item")
        if parameter:
            self.names.add("item")
            self.any_item = True
        if sequence is not None:
            if sequence.get("count") is not None and sequence.get("end") is not None:
                return "only one of count or end can be defined in withSequence"
            self.names.add("item")
        return ""

    def add_outputs(self, template: Mapping[str, Any] | None, prefix: str, loop: bool, known: set[str]) -> None:
        """Add the outputs of a step or task of this template; global names go to `known` too."""
        self.names |= {f"{prefix}.{fact}" for fact in NODE_FACTS}
        if template is None:
            return
        if template.get("daemon"):
            self.names.add(f"{prefix}.ip")
        if workflow.has_result(template):
            self.names |= {f"{prefix}.outputs.result", f"{prefix}.exitCode"}
        for kind in ("parameters", "artifacts"):
            for output in (template.get("outputs") or {}).get(kind) or []:
                self.names.add(f"{prefix}.outputs.{kind}.{output.get('name')}")
                name = output.get("globalName")
                if name and "{{" in name:
                    self.any_output = True
                elif name:
                    self.names.add(f"workflow.outputs.{kind}.{name}")
                    known.add(f"workflow.outputs.{kind}.{name}")
        if loop:
            self.names.add(f"{prefix}.outputs.parameters")


def of_template(template: Mapping[str, Any], known: Iterable[str], runtime: bool) -> Scope:
    """The names that resolve inside a template: its inputs, its outputs' paths, retries, and the global names."""
    scope = Scope(set(known), runtime=runtime)
    scope.any_output = ANY_OUTPUT in scope.names
    inputs, outputs = template.get("inputs") or {}, template.get("outputs") or {}
    leaf = workflow.is_leaf(template)
    scope.names.add("inputs.parameters")  # a list, even an empty one
    scope.names |= {f"inputs.parameters.{each.get('name')}" for each in inputs.get("parameters") or []}
    for artifact in inputs.get("artifacts") or []:
        scope.names.add(f"inputs.artifacts.{artifact.get('name')}")
        if leaf:
            scope.names.add(f"inputs.artifacts.{artifact.get('name')}.path")
    if workflow.is_pod(template):
        scope.names.add("pod.name")
    if template.get("retryStrategy") is not None:
        scope.names |= set(RETRY_NAMES)
    if leaf:
        scope.names |= {f"outputs.artifacts.{each.get('name')}.path" for each in outputs.get("artifacts") or []}
        scope.names |= {f"outputs.parameters.{each.get('name')}.path" for each in outputs.get("parameters") or []}
    return scope


def of_workflow(metadata: Mapping[str, Any], spec: Mapping[str, Any], parameters: Iterable[Any]) -> set[str]:
    """The global names of a Workflow whose template reference is merged into `spec`."""
    names = set(GLOBALS)
    given = list(parameters)
    if given:
        names |= {"workflow.parameters", "workflow.parameters.json"}
    names |= {f"workflow.parameters.{each.get('name')}" for each in given}
    extra = spec.get("workflowMetadata") or {}
    labels = [*(metadata.get("labels") or {}), *(extra.get("labels") or {}), *(extra.get("labelsFrom") or {})]
    names |= {f"workflow.labels.{label}" for label in labels}
    names |= {f"workflow.annotations.{each}" for each in [*(metadata.get("annotations") or {}), *(extra.get("annotations") or {})]}
    if spec.get("priority") is not None:
        names.add("workflow.priority")
    if spec.get("workflowTemplateRef"):
        names.add("workflow.labels.workflows.argoproj.io/workflow-template")  # the controller sets it
    return names
