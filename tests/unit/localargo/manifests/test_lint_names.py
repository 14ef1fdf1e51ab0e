import pytest

from localargo.manifests.document import Document
from localargo.manifests.lint_locations import Location
from localargo.manifests.lint_names import check_names

PLACE = Location(Document({}), "spec.x")


@pytest.mark.parametrize(
    ("names", "strict", "cores"),
    [
        (["a", "b-1", "A"], True, []),
        (["a_b"], False, []),
        (["a_b"], True, ["x[0].name: 'a_b' is invalid: name must consist"]),
        (["-a"], True, ["x[0].name: '-a' is invalid"]),
        (["a" * 129], True, ["is invalid"]),
        (["a.b"], False, ["x[0].name: 'a.b' is invalid: Parameter/Artifact name must consist"]),
        (["a-{{workflow.name}}"], False, ["x[0].name: 'a-{{workflow.name}}' is invalid"]),
        (["a", "", "a"], False, ["x[1].name is required", "x[2].name 'a' is not unique"]),
    ],
)
def test_names(names: list[str], strict: bool, cores: list[str]) -> None:
    found = list(check_names([{"name": name} for name in names], PLACE, "x", strict=strict))
    assert len(found) == len(cores)
    for (place, core), wanted in zip(found, cores, strict=True):
        assert wanted in core
        assert place.path.startswith("spec.x[")
