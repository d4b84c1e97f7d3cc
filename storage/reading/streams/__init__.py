"""The contents of files as streams of bytes: decompressed, and transcoded to UTF-8."""
