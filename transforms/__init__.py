"""From bytes to rows, without I/O: decode, conform, expectations, transform steps."""
