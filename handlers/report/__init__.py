"""What a run has left, shown to people: the HTML page, its charts, and sentences."""
