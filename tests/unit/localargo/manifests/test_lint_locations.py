from localargo.manifests.document import Document
from localargo.manifests.lint_locations import Library, Location, Template


def test_a_library_finds_templates_by_name_and_scope() -> None:
    library = Library()
    for kind in ("WorkflowTemplate", "ClusterWorkflowTemplate", "ConfigMap", "Secret"):
        library.add(Document({"kind": kind, "metadata": {"name": "a"}}))
    local, cluster = library.find({"name": "a"}), library.find({"name": "a", "clusterScope": True})
    assert local is not None
    assert cluster is not None
    assert (local.kind, cluster.kind) == ("WorkflowTemplate", "ClusterWorkflowTemplate")
    assert library.find({"name": "b"}) is None
    assert list(library.configmaps) == ["a"]


def test_a_place_gathers_path_and_words() -> None:
    document = Document({})
    place = Location(document, "spec").at("templates", "templates.a ").at("steps", "b ")
    assert (place.path, place.prefix) == ("spec.templates.steps", "templates.a b ")
    assert Template({"name": "t"}, place).name == "t"
