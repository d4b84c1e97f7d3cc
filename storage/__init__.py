"""Everything that touches storage: landing zone, ledger, Parquet, Delta tables, quarantine."""
