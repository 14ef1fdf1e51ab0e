"""Verbs about Workflows and other documents. What they do to Workflows goes through `retrain.client.protocol.ArgoServer` alone."""
