"""Where the parameters of a trigger write, and what they read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from localargo.manifests import lint_filters, schema
from localargo.manifests.document import Document
from localargo.manifests.report import Report, hint_for

QUERY = re.compile(r"#\(\s*([\w.-]+)\s*(==|=)\s*\"?([^\"]*)\"?\s*\)#?")
ALONE = re.compile(r"\{\{-?\s*\.Input\.(\w+(?:\.\w+)*)\s*-?\}\}")  # a template that only copies a field
OPERATIONS = ("overwrite", "append", "prepend")
CONTEXT = ("id", "source", "specversion", "type", "datacontenttype", "subject", "time")


def split(path: str) -> list[str]:
    """The parts of an sjson path: `\\.` is a dot in a name, a query `#(...)` is one part."""
    parts, part, depth, index = [], "", 0, 0
    while index < len(path):
        char = path[index]
        if char == "\\" and index + 1 < len(path):
            part += path[index + 1]
            index += 1
        elif char == "." and depth == 0:
            parts.append(part)
            part = ""
        else:
            depth += (char == "(") - (char == ")")
            part += char
        index += 1
    return [*parts, part]


def check(
    document: Document,
    report: Report,
    parameters: Sequence[Mapping[str, Any]],
    path: str,
    resource: Mapping[str, Any] | None,
    sources: Mapping[str, str],
    *,
    root: Sequence[str | int] = (),
) -> None:
    """All parameters of one list.

    `root` is the path of `resource` in a Sensor when it is a part of the Sensor itself. `resource` is the tree they write into,
    None when it is not known; `sources` maps the dependencies' names to the type of their events (empty when unknown, or when a
    transform changes the payload).
    """
    for index, parameter in enumerate(parameters):
        at = f"{path}[{index}]"
        _source(document, report, parameter.get("src"), f"{at}.src", sources)
        operation = parameter.get("operation")
        if operation and operation not in OPERATIONS:
            report.error(
                document,
                f"{at}.operation",
                f"operation is one of {', '.join(OPERATIONS)}, not {operation}",
                hint_for(str(operation), OPERATIONS),
            )
        dest = str(parameter.get("dest") or "")
        if not dest:
            report.error(document, at, "a parameter needs `dest`")
        elif resource is not None:
            for message, hint in problems(resource, dest, parameter, root):
                report.warning(document, f"{at}.dest", message, hint)


def _source(document: Document, report: Report, src: Any, at: str, sources: Mapping[str, str]) -> None:
    if not isinstance(src, dict):
        report.error(document, at, "a parameter needs `src`")
        return
    name = str(src.get("dependencyName") or "")
    if not name:
        report.error(document, at, "src needs `dependencyName`")
    elif name not in sources:
        message = f"there is no dependency {name}: this parameter is never set"
        report.warning(document, f"{at}.dependencyName", message, hint_for(name, sources))
    lint_filters.payload_path(document, report, str(src.get("dataKey") or ""), f"{at}.dataKey", sources.get(name, ""))
    key = str(src.get("contextKey") or "")
    if key and key not in CONTEXT:
        report.warning(document, f"{at}.contextKey", f"the context of an event has no {key}", hint_for(key, CONTEXT))
    alone = ALONE.fullmatch(str(src.get("dataTemplate") or "").strip())
    if alone:
        message = "a template prints a large or small number in another spelling: 1580661436132757506 as 1.5806614361327575e+18"
        report.warning(document, f"{at}.dataTemplate", message, f"`dataKey: {alone[1]}` passes the value as it is written")
    for field in ("dataTemplate", "contextTemplate"):
        if src.get(field):
            lint_filters.template(document, report, str(src[field]), f"{at}.{field}")
    data, context = src.get("dataKey") or src.get("dataTemplate"), src.get("contextKey") or src.get("contextTemplate")
    if data and context:
        report.warning(
            document, at, "the data key or template takes precedence: the context key or template is not used", "leave one of them out"
        )


def problems(
    resource: Mapping[str, Any], dest: str, parameter: Mapping[str, Any], root: Sequence[str | int] = ()
) -> Iterator[tuple[str, str]]:
    """The errors of one destination, each with a hint."""
    tree: Any = resource
    walked: list[str | int] = []
    for step in split(dest):
        if isinstance(tree, list):
            found = list(_element(tree, step, dest, parameter))
            yield from ((message, hint) for message, hint, _ in found if message)
            if not found or found[-1][2] is None:
                return
            place = found[-1][2]
            tree = tree[place]
            walked.append(place)
        elif isinstance(tree, dict) and step.removeprefix(":") in tree:
            tree = tree[step.removeprefix(":")]
            walked.append(step.removeprefix(":"))
        else:
            kind = "Sensor" if root else str(resource.get("kind") or "")
            yield from _absent(kind, root, tree, walked, step.removeprefix(":"), dest)
            return


def _element(items: list[Any], step: str, dest: str, parameter: Mapping[str, Any]) -> Iterator[tuple[str, str, int | None]]:
    """(message, hint, index of the element) for one step into a list."""
    names = [str(each.get("name")) if isinstance(each, dict) else "" for each in items]
    query = QUERY.fullmatch(step)
    if query:
        matches = [index for index, each in enumerate(items) if isinstance(each, dict) and str(each.get(query[1])) == query[3]]
        if not matches:
            known = [str(each.get(query[1])) for each in items if isinstance(each, dict)]
            yield f"{dest}: no element of this list has {query[1]} {query[3]}", hint_for(query[3], known), None
        else:
            yield "", "", matches[0]
    elif step == "-1":
        yield "", "", None
    elif step.isdigit() and int(step) < len(items):
        index, name = int(step), names[int(step)]
        if name:
            wanted = str((parameter.get("src") or {}).get("dataKey") or "").rpartition(".")[2]
            by_name = re.sub(rf"(^|\.){step}(\.|$)", lambda match: f'{match[1]}#(name=="{name}"){match[2]}', dest, count=1)
            if wanted in names and wanted != name:
                yield f"{dest} sets {name}, but reads {wanted}", f'write #(name=="{wanted}") in place of {step}', index
            else:
                yield f"{dest} addresses a position: when the list is reordered, it no longer sets {name}", f"write {by_name}", index
        else:
            yield "", "", index
    else:
        reason = f"the list has {len(items)} elements" if step.isdigit() else "this is a list"
        yield f"{dest}: {step} does not exist: {reason}", 'write a position or #(name=="...")', None


def _absent(kind: str, root: Sequence[str | int], tree: Any, walked: list[str | int], step: str, dest: str) -> Iterator[tuple[str, str]]:
    """A step that the resource does not have: allowed when the field exists in the kind's schema."""
    at = ".".join(str(each) for each in walked) or "the resource"
    if not isinstance(tree, dict) and tree is not None:
        yield f"{dest}: {at} is a plain value without fields", ""
        return
    if kind not in schema.KINDS:
        yield f"{dest} does not exist in {at}", hint_for(step, tree or {})
    elif not schema.allows(kind, [*root, *walked, step]):
        yield (
            f"{dest} does not exist: {'the trigger' if root else kind} has no field {step} in {at}",
            hint_for(step, [*(tree or {}), *schema.fields(kind, [*root, *walked])]),
        )
    elif not root and step in ("parameters", "artifacts", "templates"):
        yield f"{dest} does not exist: the resource has no {step} in {at}", "write them out in the resource"
