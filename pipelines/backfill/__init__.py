"""Taking landed files in again: the whole table beside the old one and then a swap, or batch by batch."""
