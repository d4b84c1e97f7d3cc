"""Rows that clients push into landing zones: each batch once, acknowledged when it is durable."""
