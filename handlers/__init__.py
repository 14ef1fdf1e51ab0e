"""One Python file per step of the retraining; what they share is in the packages below."""
