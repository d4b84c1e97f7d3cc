"""A pipeline proposed from a sample of what has landed."""
