import pytest
from hypothesis import given
from hypothesis import strategies as st

from localargo.manifests.document import Document, join, parent


@pytest.mark.parametrize(
    ("path", "key", "result"),
    [
        ("", "spec", "spec"),
        ("spec", "templates", "spec.templates"),
        ("spec.templates", 0, "spec.templates[0]"),
        ("metadata.labels", "a.b/c", "metadata.labels['a.b/c']"),
    ],
)
def test_a_path_grows_and_shrinks_by_one_step(path: str, key: str | int, result: str) -> None:
    assert join(path, key) == result
    assert parent(result) == path


@given(st.lists(st.one_of(st.integers(0, 99), st.text("ab.-/", min_size=1, max_size=5)), min_size=1, max_size=6))
def test_parent_undoes_join(steps: list[str | int]) -> None:
    paths = ["root"]
    for step in steps:
        paths.append(join(paths[-1], step))
    while len(paths) > 1:
        assert parent(paths.pop()) == paths[-1]


def test_a_document_is_named_by_kind_and_name_or_generated_name() -> None:
    assert Document({"kind": "Workflow", "metadata": {"name": "hello"}}).label == "Workflow/hello"
    assert Document({"kind": "Workflow", "metadata": {"generateName": "hello-"}}).label == "Workflow/hello-"
    assert Document({}).label == "document/?"
    assert Document({"metadata": []}).name == ""
    assert Document({"metadata": {"namespace": "n"}, "apiVersion": "v1"}).namespace == "n"


def test_the_line_of_an_unknown_field_is_that_of_its_nearest_parent() -> None:
    document = Document({}, "f", {"": 3, "spec": 4, "spec.templates[0]": 6})
    assert document.line("spec.templates[0].container.image") == 6
    assert document.line("spec.entrypoint") == 4
    assert document.line("metadata") == 3
    assert Document({}).line("spec") == 0


def test_a_document_inside_another_keeps_lines_and_tells_where_it_stands() -> None:
    outer = Document({"kind": "Sensor", "metadata": {"name": "s"}}, "f", {"spec.resource": 5, "spec.resource.kind": 6})
    inner = outer.within("spec.resource", {"kind": "Workflow"})
    assert inner.line("kind") == 6
    assert inner.line("spec") == 5
    assert inner.named("kind") == "Sensor/s spec.resource.kind"
    assert outer.named("kind") == "Sensor/s kind"
    assert inner.named("") == "Sensor/s spec.resource"
