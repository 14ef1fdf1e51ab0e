"""Verbs about manifests and model specs."""
