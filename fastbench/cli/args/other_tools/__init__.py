"""Flags and words that other tools have, as tables that `aliases` reads."""
