"""The live view of runs: full screen on a terminal, gone when the report prints."""
