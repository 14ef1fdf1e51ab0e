"""Which event starts what: dependencies, filters, conditions, parameters and triggers."""
