"""The ledger: which file belongs to which batch; a Delta table beside the data, one commit a batch."""
