"""Tests of manifests: given documents and events, which Workflows exist, and how do they end?"""
