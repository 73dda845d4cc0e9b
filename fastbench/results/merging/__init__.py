"""Results of runs that took place at the same time, as one result."""
