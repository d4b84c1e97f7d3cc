"""The compiled part of decoding: JSON text in, tokens and column values out. See `compiled` for the rules."""
