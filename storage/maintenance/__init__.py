"""What a table needs from time to time: small files made large, what nobody needs removed, checkpoints."""
