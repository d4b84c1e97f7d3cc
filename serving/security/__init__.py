"""Who may ask a server for what: encryption, tokens, permissions, limits."""
