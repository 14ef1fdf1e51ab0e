"""From source objects to batches: reading with declared types, row queries, parts, splits, encoding."""
