"""The embedded engine and the command line of retrain: Argo's documents on one machine."""

__version__ = "0.1.0"
