"""The versions of a Delta table as files to take in, and their rows as a follower of the table sees them."""
