"""How things are shown to people: tables, ages, phases, the tree of a Workflow, a live picture."""
