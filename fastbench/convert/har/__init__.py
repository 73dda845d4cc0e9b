"""Recordings of a browser (HAR 1.2)."""
