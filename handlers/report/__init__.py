"""What a run has left, told to people: the HTML page, its charts, and sentences."""
