"""Delta tables: the commit of a batch, the ledger, the quarantine, and what their logs tell."""
