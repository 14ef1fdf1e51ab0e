"""What a model is worth: metrics, intervals over days, the gate, the champion pointer, the report and the words."""
