"""Where events wait: a journal in the engine's SQLite file."""
