"""This machine: its processors, its processes, its limits, and who uses what."""
