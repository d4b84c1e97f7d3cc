"""Rows into partitioned, sorted Parquet files, and what the Delta log says about them."""
