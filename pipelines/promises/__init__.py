"""What readers of a table were promised, and whether it holds."""
