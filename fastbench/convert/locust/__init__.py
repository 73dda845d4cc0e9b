"""Tests of Locust, read as a syntax tree: nothing of them is run."""
