"""Pods as processes of a pod host that outlives the engine."""
