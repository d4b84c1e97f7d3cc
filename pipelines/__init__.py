"""Wires the layers: one batch as plain functions, the run that repeats it, the flows and the command line."""
