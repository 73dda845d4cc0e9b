"""Comparisons as they run: trials in processes of their own, the servers they go to, the pairs."""
