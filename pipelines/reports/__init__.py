"""What the commands show of pipelines and tables, gathered without printing."""
