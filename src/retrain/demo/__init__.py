"""The demo: its data, its story, and what it printed."""
