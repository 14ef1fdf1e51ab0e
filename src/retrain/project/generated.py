"""What follows from the specs: the calendar of the models' own schedules, the names of models that Sensors let through, and the images of
models that name one, which `score` reads without reading a spec.

They lie below models/generated/, are committed as everything else is, and are written by whatever keeps the list of models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from retrain.project.files import write as write_whole

FOLDER = "generated"
HEAD = "# Written by `retrain lint --fix models` from the specs of models/; edit those.\n"
API = "argoproj.io/v1alpha1"
LOCAL = {"config.kubernetes.io/local-config": "true"}
WINDOW = '{{ div ((toDate "2006-01-02T15:04:05Z07:00" .Input.time).Unix) 10 }}'
ENCODED = "{{ .Input | toJson | b64enc }}"
NONE = "^no model/$"  # no name has a slash
Doc = dict[str, Any]


def files(names: Sequence[str], schedules: Mapping[str, Mapping[str, str]], images: Mapping[str, str], components: str) -> dict[str, str]:
    """The text of every generated file, by its path below models/.

    `names`: what an event may call a model. `schedules`: cron and timezone of the models that have a schedule. `images`: of those that
    name one. `components`: their folder, seen from the repository.
    """
    one = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    return {
        f"{FOLDER}/names/kustomization.yaml": _text({**one, "resources": ["names.yaml"]}),
        f"{FOLDER}/names/names.yaml": _text(_names(names)),
        f"{FOLDER}/schedules/kustomization.yaml": _text(
            {**one, "resources": ["schedules.yaml"], "components": [f"../../../{components}/event-pods"]}
        ),
        f"{FOLDER}/schedules/schedules.yaml": _text(*_schedules(schedules)),
        # the value of a parameter: nothing but the name
        **{image_file(model): image for model, image in images.items()},
    }


def image_file(model: str) -> str:
    return f"{FOLDER}/images/{model}.image"


def stale(folder: Path, due: Mapping[str, str]) -> list[str]:
    """The generated files that are missing or say something else; none in a folder of models that has none of them."""
    if not (folder / FOLDER).is_dir():
        return []
    return [name for name, text in due.items() if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text]


def write(folder: Path, due: Mapping[str, str]) -> bool:
    """Write what is stale. True when something was."""
    changed = stale(folder, due)
    for name in changed:
        write_whole(folder / name, due[name])
    return bool(changed)


def _text(*documents: Doc) -> str:
    dumped = (yaml.safe_dump(each, sort_keys=False, width=150, allow_unicode=True) for each in documents)
    return HEAD + "---\n".join(dumped)


def _names(names: Sequence[str]) -> Doc:
    """Not applied: sensors/kustomization.yaml copies the value into the Sensors' filters."""
    value = f"^({'|'.join(sorted(names))})$" if names else NONE
    data = {"path": "model", "type": "string", "value": [value]}
    dependency = {"name": "event", "eventSourceName": "none", "eventName": "none", "filters": {"data": [data]}}
    spec = {"template": {"serviceAccountName": "sensor"}, "dependencies": [dependency]}
    return {"apiVersion": API, "kind": "Sensor", "metadata": {"name": "names", "annotations": LOCAL}, "spec": spec}


def _schedules(schedules: Mapping[str, Mapping[str, str]]) -> list[Doc]:
    if not schedules:
        return [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "no-model-has-a-schedule", "annotations": LOCAL}}]
    models = sorted(schedules)
    calendar = {
        model: {"schedule": schedules[model]["cron"], "timezone": schedules[model]["timezone"], "metadata": {"model": model}}
        for model in models
    }
    source = {"eventBusName": "default", "template": {"serviceAccountName": "eventsource"}, "calendar": calendar}
    sensor = {
        "eventBusName": "default",
        "template": {"serviceAccountName": "sensor"},
        "dependencies": [_dependency(model) for model in models],
        "triggers": [_trigger(model) for model in models],
    }
    return [
        {"apiVersion": API, "kind": "EventSource", "metadata": {"name": "schedules"}, "spec": source},
        {"apiVersion": API, "kind": "Sensor", "metadata": {"name": "schedules"}, "spec": sensor},
    ]


def _dependency(model: str) -> Doc:
    jq = f'{{model: "{model}", key: "", etag: "", time: .eventTime, reason: "schedule", source: "schedule"}}'
    return {"name": f"tick-{model}", "eventSourceName": "schedules", "eventName": model, "transform": {"jq": jq}}


def _trigger(model: str) -> Doc:
    """As sensors/trigger.yaml has it, with the model's name written out."""
    tick = f"tick-{model}"

    def argument(name: str, **source: str) -> Doc:
        return {"src": {"dependencyName": tick, **source}, "dest": f'spec.arguments.parameters.#(name=="{name}").value'}

    resource = {
        "apiVersion": API,
        "kind": "Workflow",
        "metadata": {"name": f"retrain-{model}-", "labels": {"retrain/trigger": "schedule"}},
        "spec": {
            "workflowTemplateRef": {"name": "retrain"},
            "arguments": {
                "parameters": [
                    {"name": "model", "value": model},
                    *({"name": name, "value": ""} for name in ("event", "context", "window")),
                ],
            },
        },
    }
    parameters = [
        {"src": {"dependencyName": tick, "contextTemplate": WINDOW}, "dest": "metadata.name", "operation": "append"},
        argument("event", dataTemplate=ENCODED),
        argument("context", contextTemplate=ENCODED),
        argument("window", contextTemplate=WINDOW),
    ]
    k8s = {"operation": "create", "source": {"resource": resource}, "parameters": parameters}
    return {"template": {"name": model, "conditions": tick, "k8s": k8s}, "atLeastOnce": True}
