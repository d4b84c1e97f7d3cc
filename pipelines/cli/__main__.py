"""`python -m pipelines.cli`: the command line where the command `penstock` is not on the path."""

from pipelines.cli import main

main()
