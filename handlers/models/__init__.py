"""How a model is learned: the estimators that are allowed, the loop over batches, checkpoints and model files."""
