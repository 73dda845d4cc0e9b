"""Paths into JSON as k6's `response.json(selector)` takes them: those of gjson."""
