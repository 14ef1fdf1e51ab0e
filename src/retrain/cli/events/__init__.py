"""Verbs about events: put a file, fire a schedule, look at the journal, ask what an event would do."""
