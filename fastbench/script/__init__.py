"""A run of a script: what it imports, how it is loaded, its workers and their parent."""
