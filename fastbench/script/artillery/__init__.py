"""Scripts of Artillery: a YAML file that says phases of arrivals, and what each user does."""
