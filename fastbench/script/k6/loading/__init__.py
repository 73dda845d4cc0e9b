"""How a script of k6 and what it imports are found, read and made ready for quickjs."""
