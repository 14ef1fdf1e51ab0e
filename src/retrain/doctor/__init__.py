"""Whether a place can do its work, and what to do about what it cannot: `machine` looks at this machine, `cluster` at a cluster."""
