"""Thresholds: their grammar, and what became of each."""
