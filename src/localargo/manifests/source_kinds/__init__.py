"""The kinds of EventSource: one module for each kind that runs here, one for all that are only replayed, and the dict of them."""
