"""Tables over Arrow Flight SQL: `penstock serve`."""
