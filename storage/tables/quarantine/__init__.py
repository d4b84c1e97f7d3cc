"""The quarantine: refused records, verbatim, and what became of them."""
