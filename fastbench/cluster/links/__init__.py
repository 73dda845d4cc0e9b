"""The lines between the parent and the machines of a cluster."""
