"""The embedded server behind `fastbench serve`: something to benchmark on a fresh machine."""
