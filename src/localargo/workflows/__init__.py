"""Workflows: a pure reconcile function and the shell around it."""
