"""What the checks of one Workflow share: finding templates, reporting, and resolving names and tags.

Messages are Argo's own, so that a refused Workflow ends with the message that the real controller writes. Unlike Argo, the check
goes on after the first error; the first one found is the one Argo would show.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from localargo.manifests import lint_artifacts, lint_scope, workflow
from localargo.manifests.document import Document
from localargo.manifests.lint_locations import Library, Location, Template
from localargo.manifests.lint_names import INPUT, TAG, check_names
from localargo.manifests.lint_scope import Scope
from localargo.manifests.report import INVALID_SPEC, Report, hint_for

Validate = Callable[["Checker", Template, Mapping[str, Any] | None], None]

_PLACEHOLDER = "__argo__internal__placeholder-1"
_PARAMETER = re.compile(r"\{\{\s*workflow\.parameters\.([-a-zA-Z0-9_]+)\s*\}\}")


class Checker:
    """The check of one Workflow or WorkflowTemplate: what is known, where findings go, and which templates were validated."""

    def __init__(
        self, report: Report, library: Library, known: set[str], *, runtime: bool, spec: Mapping[str, Any], validate: Validate
    ) -> None:
        self.report = report
        self.library = library
        self.known = known  # global names; grows as templates with global outputs are met
        self.runtime = runtime
        self.spec = spec  # of the Workflow (merged) or WorkflowTemplate that is checked
        self._validate = validate
        self._done: set[tuple[int, str]] = set()
        self._late = False

    @contextlib.contextmanager
    def later(self) -> Iterator[None]:
        """Errors found inside are accepted by Argo's validation; the Workflow fails when it gets there."""
        before, self._late = self._late, True
        try:
            yield
        finally:
            self._late = before

    def error(self, place: Location, core: str, hint: str = "") -> None:
        if self._late:
            self.report.warning(place.document, place.path, f"Argo reports this only when it gets there: {core}", hint)
            return
        self.report.refusal(place.document, place.path, INVALID_SPEC + place.prefix, core, hint)

    def warning(self, place: Location, message: str, hint: str = "") -> None:
        self.report.warning(place.document, place.path, message, hint)

    def find(self, call: Mapping[str, Any], place: Location, home: Document) -> Template | None:
        """The template that a step, task, hook or entrypoint names; None when it is missing (reported) or known at run time only."""
        reference, name, inline = call.get("templateRef"), self.resolved(call.get("template") or ""), call.get("inline")
        own = Template(inline, place.at("inline", "")) if isinstance(inline, dict) else None
        found: Template | None = None
        if reference is not None:
            named = {k: self.resolved(v) if k in ("name", "template") else v for k, v in reference.items()}
            found = self._find_reference(named, name, place, own)
        elif name:
            found = self._find_local(name, place, home)
        elif own is None:
            self.error(place, "failed to get a template", "give template, templateRef or inline")
        else:
            found = own
        if found is None:
            return None
        return own or found  # an inline template takes precedence over a named one

    def resolved(self, name: Any) -> str:
        """A name with the Workflow's own parameters replaced, as far as their values are known."""

        def value(found: re.Match[str]) -> str:
            parameter = workflow.by_name((self.spec.get("arguments") or {}).get("parameters"), found[1])
            known = None if parameter is None or self.runtime else parameter.get("value")
            return found[0] if known is None or "{{" in str(known) else str(known)

        return _PARAMETER.sub(value, str(name))

    def _find_reference(self, reference: Mapping[str, Any], name: str, place: Location, own: Template | None) -> Template | None:
        where = _below(place, "templateRef")
        wanted = str(reference.get("template") or "")
        if name:
            self.error(place.at("template"), "template name cannot be specified with templateRef")
            return None
        if not reference.get("name") or not wanted:
            self.error(where, "template name is required" if reference.get("name") else "resource name is required")
            return None
        if own is not None:
            kind = "clusterworkflowtemplates" if reference.get("clusterScope") else "workflowtemplates"
            if self.library.find(reference) is None and "{{" not in f"{reference['name']}{wanted}":
                self.error(where, f'{kind}.argoproj.io "{reference["name"]}" not found')
            return own
        if INPUT.search(str(reference["name"])) and "{{" not in wanted:
            shown = INPUT.sub(_PLACEHOLDER, str(reference["name"]))
            self.error(where, f"template reference {shown}.{wanted} not found")
            return None
        if "{{" in f"{reference['name']}{wanted}":
            return None
        found = self.library.find(reference)
        position, template = _position(found.doc.get("spec") or {}, wanted) if found else (0, None)
        if found is None or template is None:
            known = (
                self.library.of(reference)
                if found is None
                else [each.get("name") for each in workflow.templates(found.doc.get("spec") or {})]
            )
            missing = reference["name"] if found is None else wanted
            self.error(
                where, f"template reference {reference['name']}.{wanted} not found", hint_for(str(missing), [str(each) for each in known])
            )
            return None
        return Template(template, Location(found, f"spec.templates[{position}]", place.prefix))

    def _find_local(self, name: str, place: Location, home: Document) -> Template | None:
        position, template = _position(home.doc.get("spec") or {}, name)
        if template is None:
            name = self.filled(name)
            names = [str(each.get("name")) for each in workflow.templates(home.doc.get("spec") or {})]
            self.error(_below(place, "template"), f"template name '{name}' undefined", hint_for(name, names))
            return None
        return Template(template, Location(home, f"spec.templates[{position}]", place.prefix))

    def call(self, call: Mapping[str, Any], place: Location, home: Document) -> Template | None:
        """The template that a call names, its body validated once."""
        template = self.find(call, place, home)
        if template is not None:
            self.template(template)
        return template

    def template(self, template: Template, arguments: Mapping[str, Any] | None = None) -> None:
        """Validate a template's body, once for each location; `arguments`: the Workflow's, for the entrypoint and the exit handler."""
        identity = (id(template.place.document), template.place.path)
        if identity not in self._done:
            self._done.add(identity)
            self._validate(self, template, arguments)

    def filled(self, text: str) -> str:
        """The text as Argo's validation sees it: with placeholders for tags whose values it does not know."""
        return TAG.sub(lambda found: _PLACEHOLDER if found[0].strip("{} ") in self.known or INPUT.fullmatch(found[0]) else found[0], text)

    def names(self, items: Sequence[Any] | None, place: Location, prefix: str, *, strict: bool = False, filled: bool = False) -> None:
        """Names must be present, valid and unique; `strict` for templates and tasks, which do not allow underscores.

        `filled`: Argo replaces tags before it looks at the names.
        """
        seen = [{**item, "name": self.filled(str(item.get("name") or ""))} for item in items or []] if filled else items
        for where, core in check_names(seen, place, prefix, strict=strict):
            self.error(where, core)

    def supplied(self, template: Template, arguments: Mapping[str, Any], place: Location) -> None:
        """Whether the arguments of a call cover the template's inputs."""
        inputs = template.doc.get("inputs") or {}
        given = {kind: [str(each.get("name")) for each in arguments.get(kind) or []] for kind in ("parameters", "artifacts")}
        wanted = {kind: [str(each.get("name")) for each in inputs.get(kind) or []] for kind in ("parameters", "artifacts")}
        for parameter in inputs.get("parameters") or []:
            argument = workflow.by_name(arguments.get("parameters"), str(parameter.get("name")))
            counts = parameter if argument is None else argument  # an argument without a value overrides even a default
            own = any(counts.get(key) is not None for key in ("value", "default"))
            if not own and not (counts.get("valueFrom") or {}).get("configMapKeyRef"):
                self._missing(template, "parameters", str(parameter.get("name")), given, wanted, place)
        for artifact in inputs.get("artifacts") or []:
            own = artifact.get("optional") or lint_artifacts.located(artifact)
            if not own and artifact.get("name") not in given["artifacts"]:
                self._missing(template, "artifacts", str(artifact.get("name")), given, wanted, place)
        for kind in ("parameters", "artifacts"):
            for name in given[kind]:
                if name not in wanted[kind] and place.prefix:
                    message = f"argument {name} is ignored: template {template.name} has no such input {kind.removesuffix('s')}"
                    self.warning(place.at(f"arguments.{kind}"), message, hint_for(name, wanted[kind]))

    def _missing(
        self, template: Template, kind: str, name: str, given: dict[str, list[str]], wanted: dict[str, list[str]], place: Location
    ) -> None:
        strays = [each for each in given[kind] if each not in wanted[kind]]
        near = hint_for(name, strays)
        hint = f"there is an argument {near.removeprefix('did you mean ').removesuffix('?')}" if near.startswith("did you mean") else ""
        self.error(_below(place, "arguments"), f"templates.{template.name} inputs.{kind}.{name} was not supplied", hint)

    def tags(self, tree: Any, scope: Scope, place: Location, prefix: str) -> None:
        """Refuse every plain tag that does not resolve."""
        for tag in lint_scope.unclosed(tree, place.path):
            if tag.expression or not scope.resolves(tag.text):
                where = Location(place.document, tag.path, place.prefix)
                self.error(where, f"{prefix}failed to resolve {{{{{tag.text}: it is not closed", "close it with }}")
        for tag in lint_scope.scan(tree, place.path):
            if not tag.expression and not scope.resolves(tag.text) and tag.text not in self.known:
                where = Location(place.document, tag.path, place.prefix)
                self.error(where, f"{prefix}failed to resolve {{{{{tag.text}}}}}", hint_for(tag.text, _siblings(tag.text, scope.names)))


def _below(place: Location, field: str) -> Location:
    """A field of a call; entrypoint and onExit are plain names without fields."""
    return place if place.path.endswith((".entrypoint", ".onExit")) else place.at(field)


def _siblings(tag: str, names: set[str]) -> list[str]:
    """Names with the same parent as the missing one, else those with the same root."""
    beside = tag.rpartition(".")[0] + "."
    near = [name for name in names if name.startswith(beside) and "." not in name.removeprefix(beside)]
    root = tag.partition(".")[0] + "."
    return near or [name for name in names if name.startswith(root) and name.rpartition(".")[2] not in lint_scope.NODE_FACTS]


def _position(spec: Mapping[str, Any], name: str) -> tuple[int, dict[str, Any] | None]:
    for index, template in enumerate(spec.get("templates") or []):
        if isinstance(template, dict) and template.get("name") == name:
            return index, template
    return 0, None
