from collections.abc import Iterator
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localargo import Unavailable
from localargo.workflows import status
from retrain.client.protocol import ArgoServer, Change
from retrain.client.workflows import next_run, pod_name, with_parameters

NAME = st.text("abc-0", min_size=1, max_size=200)


@given(NAME, st.none() | NAME, NAME)
def test_the_pod_of_a_node_is_the_one_that_the_engine_makes(workflow: str, template: str | None, below: str) -> None:
    for name in (workflow, f"{workflow}.{below}"):
        node: dict[str, Any] = {"id": status.node_id(workflow, name), "name": name}
        reference = {"templateRef": {"name": "any", "template": template}}
        for named in ({"templateName": template}, reference) if template else ({},):
            document = {"metadata": {"name": workflow}}
            assert pod_name(document, {**node, **named}) == status.pod_name(workflow, name, template or "")


def test_given_parameters_come_first_and_take_the_place_of_those_of_their_name() -> None:
    workflow = {"spec": {"entrypoint": "e", "arguments": {"parameters": [{"name": "a", "value": "1"}, {"name": "b", "enum": ["1"]}]}}}
    assert with_parameters(workflow, {"b": "2", "c": "3=4"})["spec"] == {
        "entrypoint": "e",
        "arguments": {"parameters": [{"name": "b", "value": "2"}, {"name": "c", "value": "3=4"}, {"name": "a", "value": "1"}]},
    }
    assert workflow["spec"]["arguments"] == {"parameters": [{"name": "a", "value": "1"}, {"name": "b", "enum": ["1"]}]}


def test_without_parameters_a_workflow_stays_as_it_is() -> None:
    workflow = {"spec": {"entrypoint": "main"}}
    assert with_parameters(workflow, {}) == {"spec": {"entrypoint": "main"}}


class Told:
    """A server that tells of these changes and ends."""

    restart_hint = "start it again"

    def __init__(self, *changes: Change) -> None:
        self.changes = changes

    def watch(self) -> Iterator[Change]:
        yield from self.changes


def change(name: str, model: str, kind: str = "ADDED", template: str = "retrain") -> Change:
    parameters = [{"name": "model", "value": model}]
    spec = {"workflowTemplateRef": {"name": template}, "arguments": {"parameters": parameters}}
    return Change(kind, {"metadata": {"name": name}, "spec": spec})


def test_the_run_that_an_upload_starts_is_the_first_that_is_of_the_model_and_has_not_ended() -> None:
    told = Told(
        change("ended", "orders"),
        change("of-another", "cars"),
        change("heals", "orders", template="heal"),
        change("removed", "orders", kind="DELETED"),
        change("waits", "shop-orders"),
        change("later", "orders"),
    )
    assert next_run(cast(ArgoServer, told), {"orders", "shop-orders"}, {"ended"}) == "waits"


def test_a_server_that_ends_before_the_run_begins_is_said() -> None:
    with pytest.raises(Unavailable, match="the server ended before a run of cars or orders began: start it again"):
        next_run(cast(ArgoServer, Told(change("ended", "orders"))), {"orders", "cars"}, {"ended"})
