"""What a batch put into its table, and how it is taken out again."""
