"""The pytest plug-in: the fixtures `sensors` and `workflows`.

Nothing of the engine is imported until a test asks for a fixture, so that a test run that needs neither starts as fast as without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from retrain.testing.delivery import Sensors
    from retrain.testing.runs import Workflows


@pytest.fixture
def sensors() -> Sensors:
    """Delivers events to the Sensors of documents and tells which Workflows exist then; nothing runs, no port is opened."""
    from retrain.testing.delivery import Sensors

    return Sensors()


@pytest.fixture
def workflows() -> Workflows:
    """Runs WorkflowTemplates to their end in this process, with real pods or with fake handlers."""
    from retrain.testing.runs import Workflows

    return Workflows()
