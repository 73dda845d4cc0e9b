"""Requests that vary: placeholders as typed, cut into pieces, and what these say."""
