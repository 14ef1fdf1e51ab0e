import pytest
from hypothesis import given
from hypothesis import strategies as st

from localargo.manifests.lint_scope import Scope, of_template, of_workflow, scan


def test_tags_are_found_in_order_with_their_places() -> None:
    tree = {"a": ["x {{ b.c }} {{= d + 1 }}", {"{{k}}": "{{open"}], "e": 5}
    assert [(tag.text, tag.expression, tag.path) for tag in scan(tree, "spec")] == [
        ("b.c", False, "spec.a[0]"),
        ("d + 1", True, "spec.a[0]"),
        ("k", False, "spec.a[1]['{{k}}']"),
    ]


def test_a_tag_ends_at_the_first_pair_of_braces_as_in_argo() -> None:
    assert [tag.text for tag in scan('{"a": {"b": {{x}}}}')] == ["x"]
    assert [tag.text for tag in scan("{{=toJson(map([1], {# * 2}))}}")] == ["toJson(map([1], {# * 2}))"]


@given(st.text("{}ab= "))
def test_scanning_never_fails_and_never_invents_text(text: str) -> None:
    assert all(tag.text in text for tag in scan(text))


@pytest.mark.parametrize(
    ("tag", "resolves"),
    [
        ("inputs.parameters.a", True),
        ("inputs.parameters.b", False),
        ("column", True),
        ("item", True),
        ("item.x", False),
        ("workflow.creationTimestamp.Y", True),
        ("workflow.name", False),
        ("outputs.whatever", True),
        ("tasks.name", True),
        ("retries", True),
    ],
)
def test_what_resolves_in_a_template(tag: str, resolves: bool) -> None:
    assert of_template({"inputs": {"parameters": [{"name": "a"}]}, "container": {}}, [], False).resolves(tag) == resolves


def test_what_a_workflow_brings_is_unknown_to_a_template_by_itself() -> None:
    alone = Scope(runtime=True)
    assert alone.resolves("workflow.parameters.x")
    assert not alone.resolves("workflow.labels.team")
    assert not alone.resolves("workflow.nmae")
    names = of_workflow({"labels": {"team": "ml"}}, {"priority": 1}, [{"name": "x"}])
    assert {"workflow.parameters.x", "workflow.parameters.json", "workflow.labels.team", "workflow.priority"} <= names
    assert not Scope(names).resolves("workflow.parameters.y")


def test_loops_bring_items_and_only_one_kind_of_loop_is_allowed() -> None:
    scope = Scope()
    assert scope.add_items({"withItems": [{"a": 1}, {"b": 2}, [1, 2]]}) == ""
    assert {"item", "item.a", "item.b", "item.[1]"} <= scope.names
    assert not scope.resolves("item.c")
    assert scope.add_items({"withParam": "{{x}}"}) == ""
    assert scope.resolves("item.c")
    assert scope.add_items({"withItems": [1], "withParam": "x"}) == "only one of withItems, withParam, withSequence can be specified"
    assert scope.add_items({"withSequence": {"count": 1, "end": 2}}) == "only one of count or end can be defined in withSequence"


def test_outputs_of_a_step_and_their_global_names() -> None:
    scope, known = Scope(), set[str]()
    outputs = {"parameters": [{"name": "o", "globalName": "g"}], "artifacts": [{"name": "a", "globalName": "{{x}}"}]}
    scope.add_outputs({"container": {}, "outputs": outputs}, "steps.s", False, known)
    assert {"steps.s.outputs.result", "steps.s.exitCode", "steps.s.outputs.parameters.o", "steps.s.outputs.artifacts.a"} <= scope.names
    assert known == {"workflow.outputs.parameters.g"}
    assert scope.resolves("workflow.outputs.artifacts.any")
    assert not scope.resolves("steps.s.outputs.parameters")
    scope.add_outputs({"dag": {}}, "steps.t", True, known)
    assert scope.resolves("steps.t.outputs.parameters")
    assert not scope.resolves("steps.t.outputs.result")


def test_the_list_of_inputs_is_there_even_when_it_is_empty() -> None:
    assert of_template({"container": {}}, [], False).resolves("inputs.parameters")
