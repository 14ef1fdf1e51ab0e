from pathlib import Path

import httpx
import pytest

from localargo import errors
from retrain.cli.client import Client


def test_without_an_engine_it_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(errors.Unavailable, match="start one with `retrain up --state"):
        Client(tmp_path)


def test_the_command_that_starts_one_can_be_copied(tmp_path: Path) -> None:
    with pytest.raises(errors.Unavailable, match=rf"start one with `retrain up --state '{tmp_path}/my state'`"):
        Client(tmp_path / "my state")


@pytest.mark.parametrize("kind", ["NotFound", "InvalidInput", "Unsupported", "AlreadyExists", "Unavailable"])
def test_an_answer_raises_what_the_engine_raised(kind: str) -> None:
    with pytest.raises(getattr(errors, kind), match="told"):
        Client._raise(httpx.Response(400, json={"kind": kind, "message": "told"}))


@pytest.mark.parametrize("kind", ["Finding", "refuse", "unknown", None])
def test_any_other_kind_is_a_plain_failure(kind: str | None) -> None:
    with pytest.raises(errors.LocalArgoError) as raised:
        Client._raise(httpx.Response(500, json={"kind": kind, "message": "told"}))
    assert type(raised.value) is errors.LocalArgoError


def test_an_answer_that_is_no_json_is_shown() -> None:
    with pytest.raises(errors.LocalArgoError, match="the engine answered 502: gateway"):
        Client._raise(httpx.Response(502, text="gateway"))
