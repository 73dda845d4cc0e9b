"""Protocols of scripts beside HTTP: what each call takes is an operation of its kind."""
