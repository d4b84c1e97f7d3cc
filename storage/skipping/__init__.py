"""What of a table a question need not read: files by the log, row groups by their footers."""
