"""`--debug`: one exchange, shown in full."""
