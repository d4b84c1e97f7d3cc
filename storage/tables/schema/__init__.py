"""The columns of a Delta table, and how they grow."""
