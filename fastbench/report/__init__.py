"""A Result for people and programs: one file per format, nothing printed here."""
