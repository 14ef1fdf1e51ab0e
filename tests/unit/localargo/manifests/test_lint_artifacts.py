import pytest

from localargo.manifests.lint_artifacts import located, path_error


@pytest.mark.parametrize(
    ("artifact", "found"),
    [
        ({"raw": {}}, True),
        ({"s3": {"key": "k"}}, True),
        ({"s3": {"bucket": "b"}}, False),
        ({"s3": {}}, False),
        ({"http": {"url": "http://localhost/x"}}, True),
        ({"http": None}, False),
        ({"from": "{{x}}"}, False),
    ],
)
def test_an_artifact_lies_somewhere_when_its_store_is_told_where(artifact: dict[str, object], found: bool) -> None:
    assert located(artifact) == found


@pytest.mark.parametrize("path", ["/x", "x", "../x", "/a/../a/b", "/{{inputs.parameters.p}}"])
def test_paths(path: str) -> None:
    assert path_error({"name": "a", "path": path}) == ""


@pytest.mark.parametrize("path", ["/a/../b", "/a/b/../../c", "/a/..", "/a/b/../../a/b"])
def test_a_path_does_not_leave_its_folder(path: str) -> None:
    wanted = "Artifact 'a' attempted to use a path containing '..'. Directory traversal is not permitted"
    assert path_error({"name": "a", "path": path}) == wanted


def test_a_path_must_be_there() -> None:
    assert path_error({"name": "a"}) == "Artifact 'a' did not specify a path"
