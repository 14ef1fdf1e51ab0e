"""Which names of images a spec may give."""

from __future__ import annotations

import pytest

from handlers.modelspec.image_names import check_image

DIGEST = "sha256:" + "0f" * 32


@pytest.mark.parametrize(
    "name",
    [
        "churn:1",
        "retrain/boosted:0.3.0",
        "docker.io/retrain/boosted:1.2-rc.1",
        "localhost:5000/a/b_c/d-e:x",
        f"registry.example.com/team/churn@{DIGEST}",
        f"registry.example.com:443/team/churn:1.2@{DIGEST}",
    ],
)
def test_a_name_with_a_tag_or_a_digest_is_taken(name: str) -> None:
    assert check_image(name) == name


@pytest.mark.parametrize("name", ["churn", "registry.example.com/team/churn", "localhost:5000/churn"])
def test_a_name_without_both_could_be_another_image_each_time(name: str) -> None:
    with pytest.raises(ValueError, match="has no tag and no digest"):
        check_image(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Churn:1",
        "a b:1",
        "a:1\n",
        "a:1 ",
        "a//b:1",
        "a:",
        "a:-1",
        "a@sha256:12",
        f"a@{DIGEST}0",
        'a:1", "b',
        "{{x}}:1",
        "a:1:2",
        "http://a/b:1",
        "ä:1",
    ],
)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not the name of an image"):
        check_image(name)
