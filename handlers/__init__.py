"""One Python file per step of the retraining; what they share lies in the rooms below."""
