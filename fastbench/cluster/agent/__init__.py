"""The process on a machine that starts workers for a parent elsewhere."""
