"""Arrow batches of typed files under a contract: the same columns, verdicts and rescued text as of JSON."""
