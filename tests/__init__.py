"""Mirrors the folders of the code; `tests/integration/` talks to real servers."""
