"""SQL over pinned versions of tables, by DataFusion: planned here, streamed as Arrow."""
