"""One batch as three plain functions: plan, write, commit.

    planning    which files: from the ledger where an earlier attempt died, else from the landing zone
    writing     files of rows and of refused records, not visible yet
    committing  the quarantine, then the data, each once

Each may be called again after a failure: nothing is visible before its commit, and a commit happens once.
"""
