"""What a script imports, and where what it measures is recorded."""
