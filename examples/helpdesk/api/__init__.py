"""The flows of the help desk's API, one module per part of it."""
