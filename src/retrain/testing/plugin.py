"""The pytest plug-in. Nothing of the engine is imported until a test asks for a fixture."""

from __future__ import annotations
