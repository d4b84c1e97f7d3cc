"""What a user may say: the spec of a pipeline, its column types, the settings of the process."""
