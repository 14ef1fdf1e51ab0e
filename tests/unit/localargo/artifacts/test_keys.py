"""Keys of artifacts: Argo's format, and nothing that leads elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localargo.artifacts.keys import DEFAULT_KEY_FORMAT, below, clean, default_key, log_key, render
from localargo.errors import InvalidInput

VARIABLES = {"workflow.name": "wf", "pod.name": "wf-a-1", "workflow.creationTimestamp.Y": "2026", "workflow.parameters.model": "delay"}


def test_the_default_format() -> None:
    prefix = render(DEFAULT_KEY_FORMAT, VARIABLES)
    assert prefix == "argo/wf/wf-a-1"
    assert default_key(prefix, "model", "/tmp/m.bin", "tar") == "argo/wf/wf-a-1/model.tgz"
    assert default_key(prefix, "model", "/tmp/m.bin", "auto") == "argo/wf/wf-a-1/model.tgz"
    assert default_key(prefix, "model", "/tmp/m.bin", "zip") == "argo/wf/wf-a-1/model.zip"
    assert default_key(prefix, "model", "/tmp/m.bin", "none") == "argo/wf/wf-a-1/m.bin"
    assert default_key(prefix, "model", "/tmp/m/", "none") == "argo/wf/wf-a-1/m"
    assert log_key(prefix) == "argo/wf/wf-a-1/main.log"


def test_variables_with_and_without_blanks() -> None:
    assert render("{{ workflow.creationTimestamp.Y }}/{{workflow.parameters.model}}", VARIABLES) == "2026/delay"


@pytest.mark.parametrize(("text", "hint"), [("{{workflow.nam}}", "did you mean workflow.name"), ("{{x}}", "known are pod.name")])
def test_an_unknown_variable_is_named(text: str, hint: str) -> None:
    with pytest.raises(InvalidInput, match=hint):
        render(text, VARIABLES)


@pytest.mark.parametrize("key", ["../x", "a/../b", "..", "", "/", "./"])
def test_keys_that_name_no_place(key: str) -> None:
    with pytest.raises(InvalidInput, match="artifact key"):
        clean(key)


def test_what_lies_below() -> None:
    assert below("a/b/", "c") == "a/b/c"
    assert below("a/b", "") == "a/b"
    assert below("a/b/", "") == "a/b/"


@given(st.lists(st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), max_size=5), min_size=1, max_size=6))
def test_cleaning_twice_is_cleaning_once(parts: list[str]) -> None:
    key = "/".join(parts)
    try:
        once = clean(key)
    except InvalidInput:
        assert ".." in parts or not [p for p in parts if p not in ("", ".")]
        return
    assert clean(once) == once
    assert not once.startswith("/")
