"""A contract inferred from a sample of records."""
