"""Artifacts between a pod's folder and the bucket."""
