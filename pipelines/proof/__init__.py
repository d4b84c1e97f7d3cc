"""The proof that no record was lost or doubled, from storage alone."""
