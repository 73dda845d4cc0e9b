"""Modules of k6 that stand on other parts of ours, and the realm that has all of them."""
