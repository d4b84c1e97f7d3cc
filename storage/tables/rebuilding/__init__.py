"""A table whose rows of one writer are made anew, beside the old ones, and swapped in one commit."""
