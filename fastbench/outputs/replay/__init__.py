"""From a file of points back to a result."""
