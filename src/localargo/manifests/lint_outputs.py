"""References to outputs that may never be written.

Real Argo never creates a node whose plain tag names an output that does not exist (the output of a failed task): the workflow runs
forever, and only the controller's log says why. With a skipped or omitted task the same tag is an error, unless the output has
`valueFrom.default`. So for every such tag this checks: can the node run although the task that it refers to did not write its outputs?
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from localargo.errors import InvalidInput
from localargo.expressions import exprlang
from localargo.expressions.depends import Depends, parse_depends
from localargo.manifests import workflow
from localargo.manifests.lint_checker import Checker
from localargo.manifests.lint_locations import Location, Template
from localargo.manifests.lint_scope import Tag, scan

REFERENCE = re.compile(
    r"(?P<family>steps|tasks)\.(?P<name>[^.]+)\.(?:outputs\.(?:(?P<kind>parameters|artifacts)(?:\.(?P<output>.+))?|result)|(?P<code>exitCode))"
)
OF_CALL = r"\.(?:dag\.tasks\[\d+\]|steps\[\d+\]\[\d+\])\.arguments\."  # of the call itself, not of an item that looks like one
ARGUMENT = re.compile(OF_CALL + r"parameters\[(\d+)\]\.value$")
ARTIFACT = re.compile(OF_CALL + r"artifacts\[(\d+)\]\.from$")
ONE_TAG = re.compile(r"\{\{[^{}]*\}\}")
WORDS = ("Succeeded", "Failed", "Errored", "Skipped", "Omitted", "Daemoned", "AnySucceeded", "AllFailed")
BARE = re.compile(r"(?<![-\w.])([a-zA-Z0-9][-a-zA-Z0-9]*)(?![-\w.])")
WORD = re.compile(r"([a-zA-Z0-9][-a-zA-Z0-9]*?)\.([A-Z][a-zA-Z]+)|([a-zA-Z0-9][-a-zA-Z0-9]*)")
ABSENT = ("Skipped", "Omitted")  # then a default of the output is used


def _unreadable(name: str, text: str) -> dict[str, str]:
    """Argo reads `depends` as an expression: its error by the task's name, nothing when the text is valid."""
    try:
        exprlang.compile(text.replace("-", "_"))
    except InvalidInput as error:
        return {name: str(error)}
    return {}


@dataclass
class Graph:
    """The tasks of one DAG and what they wait for. `templates` grows as the templates of the tasks are found."""

    tasks: dict[str, dict[str, Any]]
    templates: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._bad: dict[str, dict[str, set[str]]] = {}
        self._parsed: dict[str, Depends | None] = {}
        for name in self.tasks:
            self._parsed[name] = self._parse(name)

    @cached_property
    def order(self) -> list[str]:
        """The tasks so that each comes after what it waits for. There must be no cycle."""
        open_edges = {name: {each for each in edges if each in self.tasks} for name, edges in self.edges.items()}
        after: dict[str, list[str]] = {name: [] for name in self.tasks}
        for name, edges in open_edges.items():
            for each in edges:
                after[each].append(name)
        ready, found = [name for name, edges in open_edges.items() if not edges], []
        while ready:
            name = ready.pop()
            found.append(name)
            for each in after[name]:
                open_edges[each].discard(name)
                if not open_edges[each]:
                    ready.append(each)
        return found

    @cached_property
    def edges(self) -> dict[str, list[str]]:
        return {name: self.depends_on(name) for name in self.tasks}

    def depends_on(self, name: str) -> list[str]:
        """Names that the task waits for, in order of mention."""
        task = self.tasks[name]
        if task.get("depends"):
            return list(dict.fromkeys(match[1] or match[3] for match in WORD.finditer(str(task["depends"]))))
        return [str(each) for each in task.get("dependencies") or []]

    def is_loop(self, name: str) -> bool:
        return name in self.tasks and workflow.is_loop(self.tasks[name])

    def ancestors(self, name: str) -> list[str]:
        """Every task before this one, the nearest first."""
        found: dict[str, None] = {}
        waiting = list(self.edges.get(name, []))
        while waiting:
            each = waiting.pop(0)
            if each not in found and each in self.tasks and each != name:
                found[each] = None
                waiting += self.edges[each]
        return list(found)

    def _parse(self, name: str) -> Depends | None:
        text = str(self.tasks[name].get("depends") or "") or " && ".join(self.depends_on(name))
        if not text:
            return None
        expanded = BARE.sub(lambda match: self._expanded(match[1]), text)
        try:
            return parse_depends(expanded)
        except InvalidInput:
            self.broken.update(_unreadable(name, expanded))
            return None

    def _expanded(self, name: str) -> str:
        further = (self.tasks.get(name) or {}).get("continueOn") or {}
        results = ["Succeeded", "Skipped", "Daemoned"]
        results += [word for word, key in (("Errored", "error"), ("Failed", "failed")) if further.get(key)]
        return "(" + " || ".join(f"{name}.{word}" for word in results) + ")"

    def may_run(self, name: str, before: str, results: Mapping[str, bool]) -> bool:
        """Whether the task can run when one task before it has this result, whatever the others have."""
        depends = self._parsed.get(name)
        if depends is None:
            return True
        world = {word: results.get(word, False) for word in WORDS}
        for other in (True, False):
            everything = {each: dict.fromkeys(WORDS, other) for each in self.depends_on(name)}
            if depends.evaluate({**everything, before: world}):
                return True
        return False

    def worlds(self, name: str) -> dict[str, dict[str, bool]]:
        """The results of a task without outputs, as `depends` names them."""
        task, loop = self.tasks[name], self.is_loop(name)
        failed = {"AllFailed": True} if loop else {}
        found = {"Failed": {"Failed": True, **failed}, "Errored": {"Errored": True, **failed}}
        if task.get("when") or (loop and not task.get("withItems")):
            found["Skipped"] = {"Skipped": True}
        if self.edges[name]:
            found["Omitted"] = {"Omitted": True}
        return found

    def bad_ends(self, name: str, before: str) -> set[str]:
        """The results of an earlier task without outputs with which this task can run nevertheless."""
        if before not in self._bad:
            self._bad[before] = self._ends_after(before)
        return self._bad[before].get(name, set())

    def _ends_after(self, before: str) -> dict[str, set[str]]:
        """`bad_ends` for every later task: when a task runs, all that it waits for had results that its `depends` accepts."""
        worlds = self.worlds(before)
        found: dict[str, set[str]] = {}
        for name in self.order:
            ends = set(worlds)
            after = False
            for direct in self.edges[name]:
                if direct == before:
                    after = True
                    ends &= {end for end, world in worlds.items() if self.may_run(name, before, world)}
                elif direct in found:
                    after = True
                    if not self.may_run(name, direct, {"Omitted": True}):
                        ends &= found[direct]
            if after:
                found[name] = ends
        return found


def check_tasks(checker: Checker, template: Template, graph: Graph) -> None:
    """Tags of every task of a DAG, and of the DAG's own outputs."""
    for index, (name, task) in enumerate(graph.tasks.items()):
        ancestors = graph.ancestors(name)
        for tag, reference in _references(task, f"{template.place.path}.dag.tasks[{index}]", "tasks"):
            wanted = reference["name"]
            place = Location(template.place.document, tag.path, template.place.prefix)
            if wanted not in graph.tasks:
                continue
            if wanted not in ancestors:
                if wanted != name:
                    checker.warning(
                        place, f"{name} does not wait for {wanted}: {{{{{tag.text}}}}} may not exist", f"add {wanted} to depends"
                    )
                continue
            ends = graph.bad_ends(name, wanted) - _covered(task, tag, graph.templates.get(name), graph.tasks[wanted])
            _say(checker, place, tag, reference, ends, graph.templates.get(wanted), graph.tasks[wanted])


def check_steps(checker: Checker, template: Template, called: Mapping[str, dict[str, Any] | None]) -> None:
    """Tags of every step: of steps in the same group, and of earlier steps that may have been skipped or may have failed."""
    earlier: dict[str, dict[str, Any]] = {}
    for row, group in enumerate(template.doc.get("steps") or []):
        beside = {str(step.get("name")) for step in group or []}
        for column, step in enumerate(group or []):
            for tag, reference in _references(step, f"{template.place.path}.steps[{row}][{column}]", "steps"):
                wanted, place = reference["name"], Location(template.place.document, tag.path, template.place.prefix)
                if wanted in beside and wanted != step.get("name"):
                    message = f"{wanted} runs at the same time: {{{{{tag.text}}}}} does not exist yet"
                    checker.warning(place, message, "move this step into a later group")
                elif wanted in earlier:
                    ends = _bad_steps(earlier[wanted]) - _covered(step, tag, called.get(str(step.get("name"))), earlier[wanted])
                    _say(checker, place, tag, reference, ends, called.get(wanted), earlier[wanted])
        earlier |= {str(step.get("name")): step for step in group or []}


def _covered(call: Mapping[str, Any], tag: Tag, consumer: Mapping[str, Any] | None, producer: Mapping[str, Any]) -> set[str]:
    """The results with which the consumer's own default is used: its argument must be the tag alone, outside of a loop."""
    match = ARGUMENT.search(tag.path)
    if match is None or consumer is None or workflow.is_loop(producer):
        return set()
    argument = call["arguments"]["parameters"][int(match[1])]
    wanted = workflow.by_name((consumer.get("inputs") or {}).get("parameters"), str(argument.get("name"))) or {}
    alone = ONE_TAG.fullmatch(str(argument.get("value"))) is not None
    return set(ABSENT) if alone and (wanted.get("value") is not None or wanted.get("default") is not None) else set()


def _bad_steps(step: Mapping[str, Any]) -> set[str]:
    further = step.get("continueOn") or {}
    found = {end for end, key in (("Failed", "failed"), ("Errored", "error")) if further.get(key)}
    if step.get("when") or step.get("withParam") or step.get("withSequence"):
        found.add("Skipped")
    return found


def _references(call: Mapping[str, Any], path: str, family: str) -> Sequence[tuple[Tag, re.Match[str]]]:
    """Plain tags that refer to outputs; hooks are left out, because a hook sees the outputs of its own task."""
    found = []
    for tag in scan({key: value for key, value in call.items() if key not in ("hooks", "inline")}, path):
        match = REFERENCE.fullmatch(tag.text)
        if match and not tag.expression and match["family"] == family and not _is_optional(call, tag.path):
            found.append((tag, match))
    return found


def _is_optional(call: Mapping[str, Any], path: str) -> bool:
    """Whether the tag stands in an artifact argument that is left out when its reference finds nothing."""
    match = ARTIFACT.search(path)
    return match is not None and bool(call["arguments"]["artifacts"][int(match[1])].get("optional"))


def _say(
    checker: Checker,
    place: Location,
    tag: Tag,
    reference: re.Match[str],
    ends: set[str],
    template: Mapping[str, Any] | None,
    producer: Mapping[str, Any],
) -> None:
    loop = workflow.is_loop(producer)
    ends = ends - {"Failed"} if reference["code"] else set(ends)  # a failed pod has an exit code
    if template is not None and reference["output"]:
        output = workflow.by_name((template.get("outputs") or {}).get(reference["kind"]), reference["output"]) or {}
        if output.get("optional"):
            return
        if (output.get("valueFrom") or {}).get("default") is not None and not loop:
            ends -= {"Failed", *ABSENT}
    if not ends:
        return
    results = " or ".join(end for end in WORDS if end in ends)
    outcome = "the workflow then hangs forever" if loop or ends - set(ABSENT) else "the node then ends with an error"
    guarded = tag.text.replace(".", "?.").replace("?.", ".", 1)
    fallback = "'[]'" if loop else "'none'"
    artifact = "write `optional: true` at this argument, and at the input of its template"
    hint = artifact if reference["kind"] == "artifacts" else f"write {{{{={guarded} ?? {fallback}}}}}"
    message = f"{{{{{tag.text}}}}} may never be written: this can run when {producer.get('name')} is {results}, and {outcome}"
    checker.warning(place, message, hint)
