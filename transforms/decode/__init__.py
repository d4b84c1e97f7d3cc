"""Records of JSON into Arrow columns; the compiled part is `kernel`."""
