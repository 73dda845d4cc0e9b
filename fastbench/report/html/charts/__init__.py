"""The charts of a run: what is drawn, as numbers, and the script that draws it."""
