"""Tests of manifests: given documents and events, which Workflows exist, and how do they end?"""

from localargo.testing.delivery import Delivery, MadeWorkflow, Sensors
from localargo.testing.fakes import Call
from localargo.testing.runs import Ended, Workflows

__all__ = ["Call", "Delivery", "Ended", "MadeWorkflow", "Sensors", "Workflows"]
