"""What the parts of a Workflow are called, and facts about templates that several packages need."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from localargo.errors import InvalidInput

Doc = Mapping[str, Any]
TemplateType = Literal["container", "script", "steps", "dag", "suspend", "resource", "http", "containerSet", "data", "plugin"]

TEMPLATE_TYPES: tuple[TemplateType, ...] = (
    "container",
    "containerSet",
    "steps",
    "script",
    "resource",
    "dag",
    "suspend",
    "data",
    "http",
    "plugin",
)
LABELS: Mapping[TemplateType, str] = {  # Argo's names of the types
    "container": "Container",
    "script": "Script",
    "containerSet": "ContainerSet",
    "resource": "Resource",
    "dag": "DAG",
    "steps": "Steps",
    "suspend": "Suspend",
    "http": "HTTP",
    "data": "Data",
    "plugin": "Plugin",
}
POD_TYPES = ("container", "script", "containerSet", "resource", "data")

# suffix -> factor; Kubernetes' resource quantities
QUANTITY_SUFFIXES = {
    "": 1,
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "k": 1000,
    "M": 1000**2,
    "G": 1000**3,
    "T": 1000**4,
    "P": 1000**5,
    "E": 1000**6,
    "Ki": 1024,
    "Mi": 1024**2,
    "Gi": 1024**3,
    "Ti": 1024**4,
    "Pi": 1024**5,
    "Ei": 1024**6,
}
QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([numkMGTPE]|[KMGTPE]i)?")


def template_types(template: Doc) -> list[TemplateType]:
    """Every type that the template declares; Argo requires exactly one."""
    return [name for name in TEMPLATE_TYPES if template.get(name) is not None]


def template_type(template: Doc) -> TemplateType:
    """The template's type. Raises InvalidInput, with Argo's message, unless there is exactly one."""
    found = template_types(template)
    if len(found) == 1:
        return found[0]
    what = "multiple template types specified" if found else "template type unspecified"
    choices = "container, containerSet, steps, script, resource, dag, suspend, template, template ref"
    raise InvalidInput(f"templates.{template.get('name', '')} {what}. choose one of: {choices}")


def is_pod(template: Doc) -> bool:
    """Whether Argo runs a pod for the template (a node of type Pod)."""
    return any(template.get(name) is not None for name in POD_TYPES)


def is_leaf(template: Doc) -> bool:
    """Whether the template runs something itself: not for one that calls templates, nor for `suspend`."""
    return all(template.get(name) is None for name in ("steps", "dag", "suspend"))


def has_result(template: Doc) -> bool:
    """Whether `outputs.result` and `exitCode` exist for nodes of the template (Argo's Template.HasOutput)."""
    return any(template.get(name) is not None for name in ("container", "script", "data", "http", "plugin"))


def is_loop(step: Doc) -> bool:
    """Whether the step or task is a loop over items."""
    return bool(step.get("withItems")) or bool(step.get("withParam")) or step.get("withSequence") is not None


def templates(spec: Doc) -> list[dict[str, Any]]:
    """The templates of a Workflow's or WorkflowTemplate's spec."""
    return [template for template in spec.get("templates") or [] if isinstance(template, dict)]


def find_template(spec: Doc, name: str) -> dict[str, Any] | None:
    """The template of that name."""
    return next((template for template in templates(spec) if template.get("name") == name), None)


def calls(template: Doc) -> Iterator[tuple[str, dict[str, Any]]]:
    """Steps or tasks of a template with their field path below the template: `steps[0][1]`, `dag.tasks[2]`."""
    for row, group in enumerate(template.get("steps") or []):
        for column, step in enumerate(group or []):
            yield f"steps[{row}][{column}]", step
    for index, task in enumerate((template.get("dag") or {}).get("tasks") or []):
        yield f"dag.tasks[{index}]", task


def by_name(items: Sequence[Any] | None, name: str) -> dict[str, Any] | None:
    """The first element of a list of objects that carries the name."""
    return next((item for item in items or [] if isinstance(item, dict) and item.get("name") == name), None)


def text(value: Any) -> str:
    """A parameter's value as text: Argo takes numbers and booleans there too."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def parse_quantity(quantity: str | float) -> int | float:
    """Bytes or cores: "64Mi" is 67108864, "500m" is 0.5, "2" is 2; whole results are integers. Raises InvalidInput."""
    found = QUANTITY.fullmatch(str(quantity).strip())
    if not found:
        raise InvalidInput(f"{quantity!r} is not a quantity; write a number with an optional unit, as 500m, 2, 64Mi, 1.5Gi")
    value = float(found[1]) * QUANTITY_SUFFIXES[found[2] or ""]
    return int(value) if value == int(value) else value
