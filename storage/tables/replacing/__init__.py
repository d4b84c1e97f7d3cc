"""Commits that take files out of a table and put others in, beside other writers."""
