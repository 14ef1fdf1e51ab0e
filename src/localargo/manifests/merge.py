"""How Argo and Kubernetes merge documents: workflowTemplateRef, podSpecPatch, and JSON merge patches."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

Tree = dict[str, Any]

# Lists of a Workflow spec that Argo merges by key (its patchMergeKey tags); every other list is replaced as a whole.
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

# The same for a template
_CONTAINER = {"env": "name", "volumeMounts": "mountPath", "volumeDevices": "devicePath", "ports": "containerPort"}
TEMPLATE_KEYS: Mapping[str, str] = {
    "inputs.parameters": "name",
    "inputs.artifacts": "name",
    "outputs.parameters": "name",
    "outputs.artifacts": "name",
    "dag.tasks": "name",
    "volumes": "name",
    "initContainers": "name",
    "sidecars": "name",
    "hostAliases": "ip",
    **{f"{owner}.{field}": key for owner in ("container", "script", "initContainers", "sidecars") for field, key in _CONTAINER.items()},
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

    As Argo's JoinWorkflowSpec: maps are merged, arguments and volumes by name; `suspend` comes from the Workflow only. A
    parameter's `value` in the Workflow replaces the template's `valueFrom`, and vice versa.
    """
    result: Tree = {}
    for layer in (defaults, template_spec, workflow_spec):
        if layer:
            result = strategic_merge(result, _without_empties(layer), WORKFLOW_KEYS)
    result.pop("suspend", None)
    if workflow_spec.get("suspend") is not None:
        result["suspend"] = workflow_spec["suspend"]
    own = {each.get("name"): each for each in (workflow_spec.get("arguments") or {}).get("parameters") or []}
    for parameter in (result.get("arguments") or {}).get("parameters") or []:
        if parameter.get("name") in own and "value" in parameter and "valueFrom" in parameter:
            parameter.pop("valueFrom" if "value" in own[parameter["name"]] else "value")
    return result


def _without_empties(tree: Tree) -> Tree:
    """In a document null, an empty string and an empty list mean absent (in a patch null means: remove)."""
    return {key: value for key, value in tree.items() if value not in (None, "", [])}


def merge_patch(target: Any, patch: Any) -> Any:
    """JSON merge patch (RFC 7386): null removes, maps are merged, everything else replaces. The arguments are not changed."""
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
    """Kubernetes' strategic merge patch. The arguments are not changed.

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
    field = keys[path]
    if any(isinstance(each, dict) and each.get("$patch") == "replace" and field not in each for each in patch):
        return copy.deepcopy([each for each in patch if not (isinstance(each, dict) and each.get("$patch") == "replace")])
    old = {_identity(each, field): each for each in target}
    new: dict[Any, Any] = {}
    gone = set()
    for element in patch:
        name = _identity(element, field)
        if isinstance(element, dict) and element.get("$patch") == "delete":
            gone.add(name)
        else:
            new[name] = _merge_maps(new.get(name, old.get(name)), element, keys, path) if isinstance(element, dict) else element
    kept = [each for each in target if _identity(each, field) not in new and _identity(each, field) not in gone]
    places = {_identity(each, field): place for place, each in enumerate(target)}
    return copy.deepcopy(_interleave(kept, list(new.values()), places, field))


def _interleave(kept: list[Any], patched: list[Any], places: Mapping[Any, int], field: str) -> list[Any]:
    """Kubernetes' order: the patch's elements in the patch's order, an untouched one before the first patched that it preceded."""
    result: list[Any] = []
    waiting = list(kept)
    for element in patched:
        place = places.get(_identity(element, field))
        while place is not None and waiting and places[_identity(waiting[0], field)] < place:
            result.append(waiting.pop(0))
        result.append(element)
    return result + waiting


def _identity(element: Any, field: str) -> Any:
    for part in field.split("."):
        element = element.get(part) if isinstance(element, dict) else None
    return element
