"""A run and what it leaves: who holds the model, trials, evaluations, the verdict and the champion."""
