"""Arrow Flight SQL: the requests of clients, answered from `serving.queries`."""
