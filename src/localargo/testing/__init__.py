"""Tests of manifests: which Workflows exist after some events, and how they end."""

from localargo.testing.delivery import Delivery, MadeWorkflow, Sensors
from localargo.testing.fakes import Call
from localargo.testing.runs import Ended, Workflows

__all__ = ["Call", "Delivery", "Ended", "MadeWorkflow", "Sensors", "Workflows"]
