"""Comparisons as they run: visits in processes of their own, the servers they go to, the pairs."""
