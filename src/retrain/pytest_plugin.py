"""The pytest plug-in: the fixtures `sensors` and `workflows`.

Nothing of the engine is imported until a test asks for a fixture, so that a test run that needs neither starts as fast as without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from localargo.testing import Sensors, Workflows


@pytest.fixture
def sensors() -> Sensors:
    """Delivers events to the Sensors of documents and shows which Workflows exist afterwards; nothing runs, no port is opened."""
    from localargo.testing import Sensors
    from retrain.project.kustomize import load

    return Sensors(load)


@pytest.fixture
def workflows() -> Workflows:
    """Runs WorkflowTemplates to their end in this process, with real pods or with fake handlers."""
    from localargo.testing import Workflows
    from retrain.project.handlers import engine_settings
    from retrain.project.kustomize import load

    return Workflows(load, engine_settings())
