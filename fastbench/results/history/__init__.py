"""Runs that are kept in one file, and what a list or a trend of them needs."""
