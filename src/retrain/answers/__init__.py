"""What a place answers, wherever it is known there: the engine's journal, Workflows, or what runs have left in the bucket."""
