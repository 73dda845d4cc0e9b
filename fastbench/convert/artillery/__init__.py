"""Tests of Artillery."""
