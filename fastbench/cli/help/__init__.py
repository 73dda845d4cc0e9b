"""The pages of --help."""
