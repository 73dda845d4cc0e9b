"""The processes that run iterations."""
