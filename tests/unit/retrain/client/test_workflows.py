from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from localargo.workflows import status
from retrain.client.workflows import pod_name, with_parameters

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
