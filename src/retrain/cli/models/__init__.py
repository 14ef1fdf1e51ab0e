"""Verbs about models, their runs and trials: the handlers answer, as they would on a cluster."""
