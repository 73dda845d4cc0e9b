"""Requests and responses of scripts."""
