"""Tasks that have ended are looked at again, with the ConfigMaps that they read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Tell = Callable[..., Any]

HEAD = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - name: reads
    inputs: {parameters: [{name: z, valueFrom: {configMapKeyRef: {name: none, key: k}}}]}
    container: {image: i, command: [write, x]}
  - name: ok
    container: {image: i, command: [write, x]}
  - name: main
    dag:
      tasks:
"""
WHY = "unable to retrieve inputs.parameters.z from ConfigMap: ConfigMap 'none' does not exist."


def test_a_loop_whose_template_cannot_be_read_says_so_when_it_is_looked_at_again(tell: Tell) -> None:
    told = tell(HEAD + "      - {name: a, template: reads, withItems: [1, 2]}\n      - {name: b, template: ok}\n")
    assert told.play()["status"]["phase"] == "Error"
    assert told.nodes()[".a"]["message"].startswith(WHY)


def test_a_task_without_items_becomes_an_error_when_it_is_looked_at_again(tell: Tell) -> None:
    told = tell(HEAD + "      - {name: a, template: reads, withParam: '[]'}\n      - {name: b, template: ok}\n")
    assert told.play()["status"]["phase"] == "Error"
    assert (told.nodes()[".a"]["type"], told.phases()[".a"], told.nodes()[".a"]["message"][: len(WHY)]) == ("Skipped", "Error", WHY)
    alone = tell(HEAD + "      - {name: a, template: reads, withParam: '[]'}\n")
    assert alone.play()["status"]["phase"] == "Succeeded"
