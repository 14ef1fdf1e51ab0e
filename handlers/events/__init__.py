"""Events: those that ask for a run, and those that tell what came of one."""
