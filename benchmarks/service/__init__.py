"""What the service costs: from a landed file to visible rows, a flow beside a run, many pipelines."""
