"""Requests that a script makes while the engine loads, and answers that it is told."""
