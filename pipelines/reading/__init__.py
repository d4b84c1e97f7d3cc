"""The records of a batch, out of landed files or out of the quarantine, as one stream of conformed rows."""
