"""One engine for the whole folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.retrain.cli.driver import BUCKET, HEAD, Engine, running


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with running(tmp_path_factory.mktemp("cli")) as started:
        yield started


@pytest.fixture(scope="session")
def bucketed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine with a bucket; two models are known to it."""
    with running(tmp_path_factory.mktemp("bucketed"), BUCKET) as started:
        yield started


@pytest.fixture(scope="session")
def finished(engine: Engine) -> str:
    """The name of a Workflow of two steps that has succeeded."""
    text = HEAD % "two" + (
        "  - name: main\n    steps:\n    - - {name: first, template: say}\n    - - {name: second, template: say}\n"
        '  - name: say\n    container: {image: alpine, command: [sh, -c], args: ["echo this is {{pod.name}}"]}\n'
    )
    return engine.submit(text, "--wait")
