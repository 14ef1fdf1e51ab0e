"""The metrics that a spec may name, computed over whole days: values, intervals, baselines and slices."""
