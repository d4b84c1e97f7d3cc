"""What the log of a Delta table tells: its commits, versions and files."""
