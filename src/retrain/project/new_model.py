"""A new model's spec: guessed from files, or a template to be filled in."""

from __future__ import annotations

import re
from pathlib import Path

from localargo import InvalidInput
from retrain.project import files
from retrain.project.models import sync

NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")
TEMPLATE = """apiVersion: retrain/v1
kind: Model
metadata: {{name: {name}}}
spec:
  task: {task}
  data:
    sources:
      incoming:
        prefix: incoming/{name}/
        format: csv
        csv: {{nulls: ["", NA]}}
        columns: {{happened_at: timestamp, amount: float, kind: string, {target}: {target_type}{more}}} # the columns of your files
{group}    target: {target_spec}
    split: {{by: time, column: happened_at, timezone: UTC, part: day, gap: 1d, valid: 7d, test: 7d}}
  features:
    amount: {{type: number, missing: mean, scale: standard}}
    kind: {{type: category, default: UNK, min_count: 20}}
  model: {{estimator: {estimator}, params: {params}}}
  training: {{epochs: 5, early_stopping: {{patience: 2}}}}
  evaluate: {{select_by: {metric}, interval: {{cluster: {cluster}}}}}
  promote: {{gate: {{metric: {metric}, {bar}, confidence: 0.9}}}}
"""
TASKS = {
    "binary": {
        "target": "label",
        "target_type": "boolean",
        "target_spec": "{column: label, classes: [false, true], positive: true}",
        "estimator": "sklearn.linear_model.SGDClassifier",
        "params": "{loss: log_loss, average: true}",
        "metric": "roc_auc",
        "bar": "at_least: 0.6",
    },
    "multiclass": {
        "target": "label",
        "target_type": "string",
        "target_spec": "{column: label, classes: [first, second, third]}",
        "estimator": "sklearn.linear_model.SGDClassifier",
        "params": "{loss: log_loss, average: true}",
        "metric": "accuracy",
        "bar": "at_least: 0.5",
    },
    "regression": {
        "target": "value",
        "target_type": "float",
        "target_spec": "{column: value}",
        "estimator": "sklearn.linear_model.SGDRegressor",
        "params": "{average: true}",
        "metric": "mae",
        "bar": "at_most: 100",
    },
    "ranking": {
        "target": "relevance",
        "target_type": "int",
        "target_spec": "{column: relevance}",
        "estimator": "sklearn.linear_model.SGDRegressor",
        "params": "{average: true}",
        "metric": "ndcg@10",
        "bar": "at_least: 0.5",
        "more": ", list_id: string",
        "group": "    group: list_id # the rows that are put in order together have the same value\n",
        "cluster": "group",
    },
}


def place(folder: Path, name: str, force: bool) -> Path:
    """Where the spec goes. Raises InvalidInput for a name that no model can have, a folder that is not there, and a spec that is."""
    if not NAME.fullmatch(name):
        raise InvalidInput(f"{name!r} cannot name a model: use at most 40 lower-case letters, digits and inner hyphens")
    path = folder / f"{name}.yaml"
    if not folder.is_dir():
        raise InvalidInput(f"no {folder}/ here: go to the folder of your project; `retrain init DIR` makes one")
    if path.exists() and not force:
        raise InvalidInput(f"{path} exists already: choose another name, edit it, or write over it with --force")
    return path


def template(name: str, task: str) -> str:
    """The text of a spec to be filled in."""
    return TEMPLATE.format(name=name, task=task, **{"more": "", "group": "", "cluster": "day", **TASKS[task]})


def write(path: Path, text: str) -> None:
    """Write the spec, whole or not at all, and list it in the kustomization."""
    files.write(path, text)
    sync(path.parent)
