"""Every recorded workflow case ends in the embedded engine as it did under the real controllers."""

import asyncio
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"conformance_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


player = _load("play_workflows")
CASES = player.all_cases()


@pytest.fixture(scope="module", params=[False, True], ids=["kept", "reloaded"])
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """All cases, played at once in one engine: most of their time they sleep. Reloaded: it keeps nothing in memory between two turns."""
    state = tmp_path_factory.mktemp("conformance") / "state"
    found: dict[str, list[str]] = asyncio.run(player.play_all(CASES, state, reload=request.param))
    return found


def test_there_are_cases() -> None:
    assert len(CASES) >= 38


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(case.name for case in CASES))
def test_case_is_equal(name: str, played: dict[str, list[str]]) -> None:
    assert played[name] == []
