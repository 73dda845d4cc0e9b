"""Requests that vary: their values, their pieces, and the bytes that are sent."""
