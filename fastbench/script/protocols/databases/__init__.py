"""Drivers behind `sql`: SQLite, PostgreSQL and MySQL, all with the same few methods."""
