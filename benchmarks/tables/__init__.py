"""What readers and writers of the tables pay, beside other engines: `make bench-tables`."""
