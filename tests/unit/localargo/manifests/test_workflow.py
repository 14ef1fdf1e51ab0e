import pytest

from localargo.errors import InvalidInput
from localargo.manifests import workflow


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("64Mi", 67108864),
        ("500m", 0.5),
        ("2", 2),
        ("1.5Gi", 1610612736),
        ("1k", 1000),
        ("1e3", 1000),
        ("100n", 1e-7),
        ("-1", -1),
        (0.5, 0.5),
        ("2E", 2 * 10**18),
    ],
)
def test_quantities(text: str | float, value: float) -> None:
    found = workflow.parse_quantity(text)
    assert found == pytest.approx(value)
    assert isinstance(found, int) == (value == int(value))


@pytest.mark.parametrize("text", ["", "64MB", "a", "1 Gi", "Mi"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not a quantity"):
        workflow.parse_quantity(text)


def test_a_template_has_exactly_one_type() -> None:
    assert workflow.template_type({"name": "a", "dag": {}}) == "dag"
    assert workflow.template_type({"name": "a", "suspend": {}, "container": None}) == "suspend"
    with pytest.raises(InvalidInput, match=r"templates\.a template type unspecified"):
        workflow.template_type({"name": "a"})
    with pytest.raises(InvalidInput, match="multiple template types specified"):
        workflow.template_type({"name": "a", "dag": {}, "steps": []})


def test_what_kind_of_node_a_template_makes() -> None:
    assert workflow.is_pod({"script": {}})
    assert not workflow.is_pod({"suspend": {}})
    assert workflow.is_leaf({"http": {}})
    assert not workflow.is_leaf({"suspend": {}})
    assert not workflow.is_leaf({"steps": []})
    assert workflow.has_result({"http": {}})
    assert not workflow.has_result({"dag": {}})


def test_calls_are_named_by_their_path() -> None:
    steps = {"steps": [[{"name": "a"}], [{"name": "b"}, {"name": "c"}]]}
    assert [(path, call["name"]) for path, call in workflow.calls(steps)] == [
        ("steps[0][0]", "a"),
        ("steps[1][0]", "b"),
        ("steps[1][1]", "c"),
    ]
    assert [path for path, _ in workflow.calls({"dag": {"tasks": [{"name": "a"}]}})] == ["dag.tasks[0]"]


def test_loops_and_texts() -> None:
    assert workflow.is_loop({"withSequence": {"count": 0}})
    assert not workflow.is_loop({"withItems": []})
    assert [workflow.text(each) for each in (True, 5, "x")] == ["true", "5", "x"]
    assert workflow.find_template({"templates": [{"name": "a"}]}, "b") is None
