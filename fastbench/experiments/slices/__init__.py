"""Servers that are alive at the same time, loaded in turns: slices of milliseconds, their pairs."""
