"""What serving costs: large scans, selective queries, many clients, pushed events."""
