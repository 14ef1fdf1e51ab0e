"""How Argo and Kubernetes merge documents: workflowTemplateRef, podSpecPatch, and JSON merge patches."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

Tree = dict[str, Any]

# Lists of a Workflow spec that Argo merges by key (its patchMergeKey tags); every other list is taken whole.
WORKFLOW_KEYS: Mapping[str, str] = {
    "arguments.parameters": "name",
    "arguments.artifacts": "name",
    "templates": "name",
    "volumes": "name",
    "volumeClaimTemplates": "metadata.name",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
    "executorPlugins": "name",
}

# The same for a pod spec (Kubernetes' patchMergeKey tags), by the name of the list's field.
POD_KEYS: Mapping[str, str] = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "containers.env": "name",
    "containers.volumeMounts": "mountPath",
    "containers.volumeDevices": "devicePath",
    "containers.ports": "containerPort",
    "initContainers.env": "name",
    "initContainers.volumeMounts": "mountPath",
    "initContainers.ports": "containerPort",
    "volumes": "name",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
    "resourceClaims": "name",
}


def merge_workflow_spec(workflow_spec: Tree, template_spec: Tree | None = None, defaults: Tree | None = None) -> Tree:
    """What a Workflow runs: its own spec over its WorkflowTemplate's over the controller's workflowDefaults.

    Argo's JoinWorkflowSpec: maps are merged, arguments and volumes by name, and of `templates` only one side may have any.
    A parameter's `value` in the Workflow replaces the template's `valueFrom` and the other way round.
    """
    result: Tree = {}
    for layer in (defaults, template_spec, workflow_spec):
        if layer:
            result = strategic_merge(result, _without_nulls(layer), WORKFLOW_KEYS)
    own = ((workflow_spec.get("arguments") or {}).get("parameters")) or []
    for parameter in (result.get("arguments") or {}).get("parameters") or []:
        mine = next((each for each in own if each.get("name") == parameter.get("name")), None)
        if mine is not None and "value" in parameter and "valueFrom" in parameter:
            parameter.pop("valueFrom" if "value" in mine else "value")
    if own:
        _order(result["arguments"]["parameters"], [each.get("name") for each in own])
    return result


def _order(parameters: list[Tree], first: list[Any]) -> None:
    """The Workflow's own parameters come first, in its order, then those that only the template has."""
    places = {name: place for place, name in enumerate(first)}
    parameters.sort(key=lambda each: places.get(each.get("name"), len(places)))


def _without_nulls(tree: Tree) -> Tree:
    """In a document null means absent (in a patch it means: remove)."""
    return {key: value for key, value in tree.items() if value is not None}


def merge_patch(target: Any, patch: Any) -> Any:
    """JSON merge patch (RFC 7386): null removes, maps are merged, everything else replaces. Nothing given is changed."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def strategic_merge(target: Tree, patch: Tree, keys: Mapping[str, str] = POD_KEYS) -> Tree:
    """Kubernetes' strategic merge patch. Nothing given is changed.

    `keys` maps the path of a list to the field that identifies its elements; lists not named are replaced. Of the directives
    `$patch: delete|replace|merge`, `$deleteFromPrimitiveList/<field>`, `$setElementOrder/<field>` and `$retainKeys` are known.
    """
    return _merge_maps(target, patch, keys, "")


def _merge_maps(target: Any, patch: Tree, keys: Mapping[str, str], path: str) -> Tree:
    directive = patch.get("$patch")
    if directive == "replace":
        return copy.deepcopy({key: value for key, value in patch.items() if key != "$patch"})
    if directive == "delete":
        return {}
    result = copy.deepcopy(target) if isinstance(target, dict) else {}
    retained = patch.get("$retainKeys")
    for key, value in patch.items():
        if key.startswith("$deleteFromPrimitiveList/"):
            field = key.partition("/")[2]
            result[field] = [each for each in result.get(field) or [] if each not in value]
        elif key.startswith("$"):
            continue
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = _merge_value(result.get(key), value, keys, f"{path}.{key}" if path else key)
    if isinstance(retained, list):
        result = {key: value for key, value in result.items() if key in retained}
    return result


def _merge_value(target: Any, value: Any, keys: Mapping[str, str], path: str) -> Any:
    if isinstance(value, dict):
        return _merge_maps(target, value, keys, path)
    if isinstance(value, list) and path in keys:
        return _merge_lists(target if isinstance(target, list) else [], value, keys, path)
    return copy.deepcopy(value)


def _merge_lists(target: list[Any], patch: list[Any], keys: Mapping[str, str], path: str) -> list[Any]:
    identity = keys[path]
    if any(isinstance(each, dict) and each.get("$patch") == "replace" and identity not in each for each in patch):
        return copy.deepcopy([each for each in patch if not (isinstance(each, dict) and each.get("$patch") == "replace")])
    result = list(target)
    for element in patch:
        name = _identity(element, identity)
        place = next((i for i, each in enumerate(result) if name is not None and _identity(each, identity) == name), None)
        if isinstance(element, dict) and element.get("$patch") == "delete":
            if place is not None:
                del result[place]
        elif place is None:
            result.append(_merge_maps({}, element, keys, path) if isinstance(element, dict) else copy.deepcopy(element))
        else:
            result[place] = _merge_maps(result[place], element, keys, path)
    return copy.deepcopy(result)


def _identity(element: Any, field: str) -> Any:
    for part in field.split("."):
        element = element.get(part) if isinstance(element, dict) else None
    return element
