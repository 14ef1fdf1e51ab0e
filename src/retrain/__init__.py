"""Models that retrain themselves when data lands: the command line, project files, the demo."""

__version__ = "0.1.0"
