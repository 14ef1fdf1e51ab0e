"""Manifests as plain JSON trees: reading, checking, merging. Pure: no network, no cluster, no clock."""
