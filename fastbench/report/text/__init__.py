"""A result for a terminal."""
