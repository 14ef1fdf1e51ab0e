"""Verbs about the engine, and the demo."""
