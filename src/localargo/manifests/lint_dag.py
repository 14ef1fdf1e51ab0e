"""DAG templates: `depends`, cycles, targets, and which task a tag may refer to."""

from __future__ import annotations

import re
from typing import Any

from localargo.manifests import lint_calls
from localargo.manifests.lint_checker import Checker
from localargo.manifests.lint_leaf import find_cycle
from localargo.manifests.lint_locations import Template
from localargo.manifests.lint_outputs import Graph, check_tasks
from localargo.manifests.lint_scope import Scope
from localargo.manifests.report import hint_for

RESULTS = ("Succeeded", "Failed", "Errored", "Skipped", "Omitted", "Daemoned", "AnySucceeded", "AllFailed")
OF_LOOPS = ("AnySucceeded", "AllFailed")
WORD = re.compile(r"([a-zA-Z0-9][-a-zA-Z0-9]*?)\.([A-Z][a-zA-Z]+)|([a-zA-Z0-9][-a-zA-Z0-9]*)")


def check(checker: Checker, template: Template, scope: Scope) -> None:
    """Validate the graph, then each task in it."""
    dag = template.doc["dag"]
    tasks = [task for task in dag.get("tasks") or [] if isinstance(task, dict)]
    place, prefix = template.place.at("dag.tasks"), f"templates.{template.name}"
    if not tasks:
        checker.error(place, f"{prefix} must have at least one task")
        return
    names = [str(task.get("name") or "") for task in tasks]
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        checker.error(place, f"{prefix} sorting failed: duplicated nodeName {twice}")
        return
    graph = Graph({str(task.get("name") or ""): task for task in tasks})
    _edges(checker, template, graph)
    cycle = find_cycle(graph.edges)
    if cycle:
        checker.error(place, f"{prefix} sorting failed: graph with cycle", " -> ".join(cycle))
        return
    checker.names(tasks, place, f"{prefix}.tasks", strict=True)
    for index, (name, task) in enumerate(zip(names, tasks, strict=True)):
        _mixed(checker, template, index, task, any(each.get("depends") for each in tasks))
        called = checker.find(task, _task_place(template, index, name), template.place.document) if name else None
        if called is not None:
            checker.template(called)
        graph.templates[name] = called.doc if called else None
        scope.add_outputs(graph.templates[name], f"tasks.{name}", bool(task.get("withItems") or task.get("withParam")), checker.known)
        _depends(checker, template, index, name, graph)
    _targets(checker, template, graph, scope)
    for index, task in enumerate(tasks):
        if names[index]:
            _task(checker, template, index, task, scope, graph)
    check_tasks(checker, template, graph)


def _task_place(template: Template, index: int, name: str) -> Any:
    return template.place.at(f"dag.tasks[{index}]", f"templates.{template.name}.tasks.{name} ")


def _edges(checker: Checker, template: Template, graph: Graph) -> None:
    """The tasks that `depends` and `dependencies` name must exist."""
    for index, (name, task) in enumerate(graph.tasks.items()):
        place = template.place.at(f"dag.tasks[{index}]")
        depends = task.get("depends") or ""
        for wanted in graph.depends_on(name):
            if wanted not in graph.tasks:
                where = place.at("depends" if depends else "dependencies")
                checker.error(
                    where, f"templates.{template.name} sorting failed: invalid dependency {wanted}", hint_for(wanted, graph.tasks)
                )


def _depends(checker: Checker, template: Template, index: int, name: str, graph: Graph) -> None:
    """The results that one task's `depends` names, and whether it can be evaluated."""
    place = template.place.at(f"dag.tasks[{index}]")
    for match in WORD.finditer(graph.tasks[name].get("depends") or ""):
        _result(checker, template, graph, place, name, match)
    broken = graph.broken.get(name)
    if broken:
        hint = "Argo starts the workflow and ends this task with an error"
        checker.warning(place.at("depends"), f"this `depends` cannot be evaluated: {broken}", hint)


def _result(checker: Checker, template: Template, graph: Graph, place: Any, name: str, match: re.Match[str]) -> None:
    wanted, result = match[1], match[2]
    prefix = f"templates.{template.name}.tasks."
    if not result:
        return
    if result not in RESULTS:
        checker.error(
            place.at("depends"), f"{prefix}{name} task result '{result}' for task '{wanted}' is invalid", hint_for(result, RESULTS)
        )
    elif result in OF_LOOPS and wanted in graph.tasks and not graph.is_loop(wanted):
        what = "uses an items-based condition such as .AnySucceeded or .AllFailed but does not contain any items"
        checker.error(place.at("depends"), f"{prefix}{wanted} dependency '{wanted}' {what}")  # Argo names the wrong task


def _mixed(checker: Checker, template: Template, index: int, task: dict[str, Any], using_depends: bool) -> None:
    place, prefix, name = template.place.at(f"dag.tasks[{index}]"), f"templates.{template.name}", str(task.get("name") or "")
    if name[:1].isdigit() and (using_depends or task.get("dependencies")):
        message = "name cannot begin with a digit when using either 'depends' or 'dependencies'"
        checker.error(place.at("name"), f"{prefix}.tasks.{name} {message}")
    if using_depends and task.get("dependencies"):
        checker.error(place.at("dependencies"), f"{prefix} cannot use both 'depends' and 'dependencies' in the same DAG template")
    if using_depends and task.get("continueOn") is not None:
        message = "cannot use 'continueOn' when using 'depends'. Instead use 'dep-task.Failed'/'dep-task.Errored'"
        checker.error(place.at("continueOn"), f"{prefix} {message}")


def _targets(checker: Checker, template: Template, graph: Graph, scope: Scope) -> None:
    targets, place = str(template.doc["dag"].get("target") or ""), template.place.at("dag.target")
    checker.tags(targets, scope, place, f"templates.{template.name}.targets ")
    for target in checker.filled(checker.resolved(targets)).split():
        if "{{" not in target and target not in graph.tasks:
            message = f"templates.{template.name}.targets: target '{target}' is not defined"
            checker.error(place, message, hint_for(target, graph.tasks))


def _task(checker: Checker, template: Template, index: int, task: dict[str, Any], scope: Scope, graph: Graph) -> None:
    name = str(task["name"])
    place, plain = _task_place(template, index, name), template.place.at(f"dag.tasks[{index}]")
    if task.get("hooks"):
        scope.names.add(f"tasks.{name}.status")  # so the tasks listed after it may refer to it, whatever they depend on
    own = scope.copy()
    ancestors = graph.ancestors(name)
    own.names.update(f"tasks.{ancestor}.status" for ancestor in ancestors)
    wrong = own.add_items(task)
    if wrong:
        checker.error(place, wrong)
    prefix = f"templates.{template.name}.tasks.{name} "
    lint_calls.check(checker, task, own, plain, prefix, place, template.place.document)
    lint_calls.arguments(checker, task.get("arguments") or {}, plain.at("arguments"), f"templates.{template.name}.tasks.{name}.arguments.")
    _missing_dependencies(checker, task, ancestors, place)
    called = checker.find(task, place, template.place.document)
    if called is not None:
        checker.supplied(called, task.get("arguments") or {}, place)


def _missing_dependencies(checker: Checker, task: dict[str, Any], ancestors: list[str], place: Any) -> None:
    arguments = task.get("arguments") or {}
    for kind, field in (("parameters", "value"), ("artifacts", "from")):
        for index, argument in enumerate(arguments.get(kind) or []):
            value = str(argument.get(field) or "")
            wanted = value.split(".")[1] if value.startswith("{{tasks.") and value.count(".") else ""
            if wanted and wanted not in ancestors:
                message = f"missing dependency '{wanted}' for {kind.removesuffix('s')} '{argument.get('name')}'"
                checker.error(place.at(f"arguments.{kind}[{index}].{field}"), message, f"add {wanted} to the task's depends")
