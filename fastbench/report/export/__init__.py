"""A result in the forms of other tools."""
